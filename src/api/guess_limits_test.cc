#include "api/guess_limits.h"

#include <gtest/gtest.h>

#include "base/limits.h"

namespace rstmdb::api {
namespace {

constexpr const char* kPeer = "192.0.2.7:1000";

void fail_times(GuessLimits& guesses, std::string_view peer, int times, int64_t now_ms) {
  for (int i = 0; i < times; ++i) guesses.failed(peer, now_ms);
}

TEST(GuessLimits, TenFailuresInASecondAndNotOneFewerBringAWait) {
  GuessLimits guesses;
  fail_times(guesses, kPeer, limits::kGuessesPerSecondMax - 1, 0);
  EXPECT_EQ(guesses.wait_ms(kPeer, 0), 0);
  fail_times(guesses, kPeer, limits::kGuessesPerSecondMax - 1, 1'000);
  EXPECT_EQ(guesses.wait_ms(kPeer, 1'000), 0) << "another second";
  guesses.failed(kPeer, 1'999);
  EXPECT_EQ(guesses.wait_ms(kPeer, 1'999), limits::kGuessDelayMsMin);
  EXPECT_EQ(guesses.wait_ms(kPeer, 1'999 + limits::kGuessDelayMsMin - 1), 1);
  EXPECT_EQ(guesses.wait_ms(kPeer, 1'999 + limits::kGuessDelayMsMin), 0);
  EXPECT_EQ(guesses.stats().failures, 2u * limits::kGuessesPerSecondMax - 1);
  EXPECT_EQ(guesses.stats().refused, 2u);
}

TEST(GuessLimits, EachFurtherWaitIsTwiceAsLongUpToTheLongest) {
  GuessLimits guesses;
  int64_t now_ms = 0;
  int64_t expected = limits::kGuessDelayMsMin;
  int tries = 0;
  for (int round = 0; round < 12; ++round) {
    int64_t waited = 0;
    for (int i = 0; i < limits::kGuessesPerSecondMax && waited == 0; ++i, ++tries) {
      guesses.failed(kPeer, now_ms);
      waited = guesses.wait_ms(kPeer, now_ms);
    }
    EXPECT_EQ(waited, expected) << round;
    now_ms += waited;
    expected = std::min(expected * 2, limits::kGuessDelayMsMax);
  }
  EXPECT_EQ(tries, 10 + 5 + 2 + 9 * 1) << "half as many each time";
}

TEST(GuessLimits, WithoutAFailureForLongAllIsForgotten) {
  GuessLimits guesses;
  fail_times(guesses, kPeer, limits::kGuessesPerSecondMax, 0);
  EXPECT_EQ(guesses.stats().addresses, 1u);
  guesses.failed("192.0.2.8:1", limits::kGuessForgetMs - 1);
  EXPECT_EQ(guesses.stats().addresses, 2u);
  guesses.failed("192.0.2.9:1", limits::kGuessForgetMs);
  EXPECT_EQ(guesses.stats().addresses, 2u) << "the first is forgotten";
  fail_times(guesses, kPeer, limits::kGuessesPerSecondMax - 1, limits::kGuessForgetMs);
  EXPECT_EQ(guesses.wait_ms(kPeer, limits::kGuessForgetMs), 0) << "and begins anew";
}

TEST(GuessLimits, AddressesWaitEachForThemselvesWhateverThePort) {
  GuessLimits guesses;
  for (int port = 1; port <= limits::kGuessesPerSecondMax; ++port)
    guesses.failed("192.0.2.7:" + std::to_string(port), 0);
  EXPECT_GT(guesses.wait_ms("192.0.2.7:9", 0), 0);
  EXPECT_EQ(guesses.wait_ms("192.0.2.8:9", 0), 0);
}

TEST(GuessLimits, ANetworkOfIPv6IsOneAddress) {
  EXPECT_EQ(address_key("[2001:db8:1:2::1]:5"), address_key("[2001:db8:1:2:ffff::9]:6"));
  EXPECT_NE(address_key("[2001:db8:1:2::1]:5"), address_key("[2001:db8:1:3::1]:5"));
  EXPECT_EQ(address_key("127.0.0.1:5").size(), 4u);
  EXPECT_NE(address_key("127.0.0.1:5"), address_key("127.0.0.2:5"));
  EXPECT_EQ(address_key("not an address"), "not an address");
}

TEST(GuessLimits, AnAddressOfTheLinkIsOneWhateverThePortAndInterface) {
  GuessLimits guesses;
  for (int port = 1; port <= limits::kGuessesPerSecondMax; ++port)
    guesses.failed("[fe80::1%eth0.2]:" + std::to_string(port), 0);
  EXPECT_EQ(guesses.stats().addresses, 1u);
  EXPECT_GT(guesses.wait_ms("[fe80::1%eth0.2]:1000", 0), 0);
  EXPECT_EQ(address_key("[fe80::1%2]:5"), address_key("[fe80::1]:5"));
}

TEST(GuessLimits, RemembersSoManyAddressesAndForgetsTheQuietestFirst) {
  GuessLimits guesses;
  const auto peer = [](size_t i) {
    return "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
           std::to_string(i % 256) + ":1";
  };
  fail_times(guesses, peer(0), limits::kGuessesPerSecondMax, 0);
  for (size_t i = 1; i < limits::kGuessAddressesMax; ++i) guesses.failed(peer(i), 1);
  EXPECT_EQ(guesses.stats().addresses, limits::kGuessAddressesMax);
  EXPECT_GT(guesses.wait_ms(peer(0), 2), 0) << "at the limit it is still there";
  guesses.failed(peer(limits::kGuessAddressesMax), 2);
  EXPECT_EQ(guesses.stats().addresses, limits::kGuessAddressesMax);
  EXPECT_EQ(guesses.wait_ms(peer(0), 2), 0);
}

}  // namespace
}  // namespace rstmdb::api
