#include "http/openapi.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "http/route.h"
#include "json/document.h"

namespace rstmdb::http {
namespace {

std::string_view key_of(Method method) {
  switch (method) {
    case Method::kGet:
      return "get";
    case Method::kPost:
      return "post";
    case Method::kPut:
      return "put";
    case Method::kDelete:
      return "delete";
  }
  return "";
}

TEST(OpenApi, DescribesEveryRoute) {
  const Page page = openapi_page();
  EXPECT_EQ(page.path, "/openapi.json");
  const Response response = page.make();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.content_type, kJson);
  json::Document document;
  ASSERT_TRUE(document.parse(response.body).ok());
  EXPECT_EQ(document.root()["openapi"].string(), "3.1.0");
  for (const RouteRow& route : kRoutes) {
    const json::Value described = document.root()["paths"][route.pattern][key_of(route.method)];
    ASSERT_TRUE(described.is_object()) << route.pattern;
    EXPECT_EQ(described["x-operation"].string(),
              api::kOperations[static_cast<size_t>(route.operation)].name);
    EXPECT_TRUE(described["responses"][std::to_string(route.success)].is_object());
  }
}

}  // namespace
}  // namespace rstmdb::http
