#include "http/assets.h"

#include <gtest/gtest.h>

namespace rstmdb::http {
namespace {

TEST(Assets, GzipIsGivenToWhoTakesIt) {
  for (const std::string_view list :
       {"gzip", "br, gzip", "gzip;q=0.5", "deflate , gzip ; q=1", "*", "br;q=1,*;q=0.1", "x-gzip"})
    EXPECT_TRUE(takes_gzip(list)) << list;
  for (const std::string_view list : {"", "br", "gzip;q=0", "gzip;q=0.000", "*;q=0", "gzipped",
                                      "identity", "gzip;q=0,*", "GZIP;q=0"})
    EXPECT_FALSE(takes_gzip(list)) << list;
}

TEST(Assets, ATagIsFoundInAList) {
  constexpr std::string_view kTag = "\"a\"";
  for (const std::string_view list : {"\"a\"", "*", "W/\"a\"", "\"b\", \"a\"", " \"a\" "})
    EXPECT_TRUE(names_tag(list, kTag)) << list;
  for (const std::string_view list : {"", "a", "\"b\"", "\"a", "\"A\"", "\"a\"b"})
    EXPECT_FALSE(names_tag(list, kTag)) << list;
}

}  // namespace
}  // namespace rstmdb::http
