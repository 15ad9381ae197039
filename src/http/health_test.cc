#include "http/health.h"

#include <gtest/gtest.h>

namespace rstmdb::http {
namespace {

TEST(Readiness, NamesEachConditionThatDoesNotHold) {
  std::optional<std::string> log_fault;
  Readiness readiness;
  EXPECT_TRUE(readiness.ready());
  readiness.add({"log", [&] { return log_fault; }});
  readiness.add({"stopping", [] { return std::nullopt; }});
  EXPECT_TRUE(readiness.ready());
  EXPECT_EQ(readiness.page().status, 200);
  EXPECT_EQ(
      readiness.page().body,
      R"({"ready":true,"conditions":[{"name":"log","ok":true},{"name":"stopping","ok":true}]})"
      "\n");
  log_fault = "it has stopped";
  EXPECT_FALSE(readiness.ready());
  EXPECT_EQ(readiness.page().status, 503);
  EXPECT_EQ(readiness.page().body,
            R"({"ready":false,"conditions":[{"name":"log","ok":false,"reason":"it has stopped"},)"
            R"({"name":"stopping","ok":true}]})"
            "\n");
}

}  // namespace
}  // namespace rstmdb::http
