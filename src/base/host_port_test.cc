#include "base/host_port.h"

#include <gtest/gtest.h>

namespace rstmdb {
namespace {

TEST(HostPort, TakesApartWhatPeopleWrite) {
  struct Case {
    const char* address;
    const char* host;
    uint16_t port;
  };
  for (const Case& c :
       {Case{"127.0.0.1:7401", "127.0.0.1", 7401}, Case{"db-1.example_x:0", "db-1.example_x", 0},
        Case{"[::1]:65535", "::1", 65535}, Case{"[::ffff:192.0.2.7]:1", "::ffff:192.0.2.7", 1}}) {
    const auto parts = split_host_port(c.address);
    ASSERT_TRUE(parts.ok()) << c.address;
    EXPECT_EQ(parts->host, c.host);
    EXPECT_EQ(parts->port, c.port);
    EXPECT_EQ(join_host_port(parts->host, parts->port), c.address);
  }
}

TEST(HostPort, RefusesEverythingElseNamingTheAddress) {
  for (const char* address :
       {"", ":", "localhost", "localhost:", ":7401", "localhost:65536", "localhost:-1",
        "localhost:+1", "localhost: 1", "localhost:0x10", "localhost:7401x", "::1:7401", "[::1]",
        "[::1:7401", "[]:7401", "[localhost]:7401", "a b:1", "a/b:1", "[::1]]:1"}) {
    const auto parts = split_host_port(address);
    ASSERT_FALSE(parts.ok()) << address;
    EXPECT_EQ(parts.error().code(), Code::kBadRequest) << address;
    EXPECT_EQ(parts.error().detail("address"), address);
  }
  EXPECT_FALSE(split_host_port(std::string(254, 'a') + ":1").ok());
  EXPECT_TRUE(split_host_port(std::string(253, 'a') + ":1").ok());
}

}  // namespace
}  // namespace rstmdb
