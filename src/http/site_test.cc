#include "http/site.h"

#include <gtest/gtest.h>

namespace rstmdb::http {
namespace {

Request from(std::string_view origin, std::string_view host) {
  Request request;
  request.host = host;
  if (!origin.empty()) request.origin = origin;
  return request;
}

TEST(Site, ARequestOfAnotherPageIsKnownByItsOrigin) {
  EXPECT_FALSE(comes_from_elsewhere(from("", "a:1"))) << "no browser";
  EXPECT_FALSE(comes_from_elsewhere(from("http://a:1", "a:1")));
  EXPECT_FALSE(comes_from_elsewhere(from("https://A:1", "a:1")));
  EXPECT_FALSE(comes_from_elsewhere(from("http://[::1]:8080", "[::1]:8080")));
  EXPECT_FALSE(comes_from_elsewhere(from("http://a", "a")));
  for (const std::string_view origin : {"http://b:1", "http://a:2", "http://a", "null", "a:1",
                                        "http://a:1.evil.example", "http://a:1/"})
    EXPECT_TRUE(comes_from_elsewhere(from(origin, "a:1"))) << origin;
  Request empty = from("", "a:1");
  empty.origin = "";
  EXPECT_TRUE(comes_from_elsewhere(empty));
}

TEST(Site, ANameOfOthersIsNotOurs) {
  for (const std::string_view host :
       {"127.0.0.1", "127.0.0.1:8080", "192.0.2.7:1", "[::1]", "[::1]:8080", "localhost",
        "LOCALHOST:8080", "db.example:8080", "db.example"})
    EXPECT_TRUE(names_us(from("", host), "db.example")) << host;
  for (const std::string_view host :
       {"evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example",
        "127.1.evil.example", "[::1", "127.0.0.1x", "1"})
    EXPECT_FALSE(names_us(from("", host), "db.example")) << host;
  EXPECT_FALSE(names_us(from("", "a"), "")) << "no name of our own";
  EXPECT_FALSE(names_us(from("", ""), ""));
  Request old;
  old.http_1_0 = true;
  EXPECT_TRUE(names_us(old, ""));
}

}  // namespace
}  // namespace rstmdb::http
