#include "peers/redis.h"

#include <gtest/gtest.h>

#include <string_view>

namespace rstmdb::bench {
namespace {

constexpr size_t kContextBytes = 64;

TEST(Redis, AsksForTheFieldsOfAnInstance) {
  Redis redis(kContextBytes);
  std::string out;
  redis.append(out, {.operation = Operation::kGetInstance, .instance = 42});
  EXPECT_EQ(out,
            "*8\r\n$5\r\nHMGET\r\n$10\r\ni-00000042\r\n$7\r\nmachine\r\n$7\r\nversion\r\n"
            "$5\r\nstate\r\n$3\r\nctx\r\n$7\r\ncreated\r\n$4\r\nlast\r\n");
}

TEST(Redis, CallsTheTransitionWithEventAndPayload) {
  Redis redis(kContextBytes);
  std::string out;
  redis.append(out, {.operation = Operation::kApplyEvent, .instance = 7, .number = 9});
  EXPECT_TRUE(out.starts_with("*6\r\n$7\r\nEVALSHA\r\n"));
  EXPECT_TRUE(
      out.ends_with("$1\r\n1\r\n$10\r\ni-00000007\r\n$2\r\nGO\r\n$13\r\n{\"n\":1000009}\r\n"));
}

TEST(Redis, CutsNestedAnswersAndWaitsForTheWholeOfThem) {
  Redis redis(kContextBytes);
  const std::string_view whole = "*3\r\n$1\r\na\r\n*2\r\n:12\r\n+OK\r\n$0\r\n\r\n";
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto part = redis.read(whole.substr(0, size));
    ASSERT_TRUE(part.ok()) << size;
    EXPECT_EQ(part->size, 0u) << size;
  }
  const auto answer = redis.read(std::string(whole) + "$1\r\n");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->size, whole.size());
}

TEST(Redis, ErrorsAndMissingValuesAreNoSuccess) {
  Redis redis(kContextBytes);
  for (const std::string_view bad :
       {"-CONFLICT\r\n", "$-1\r\n", "*2\r\n$1\r\na\r\n$-1\r\n", "*1\r\n-ERR\r\n", "hello\r\n"})
    EXPECT_FALSE(redis.read(bad).ok()) << bad;
}

}  // namespace
}  // namespace rstmdb::bench
