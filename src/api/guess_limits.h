// Bounds on guessing tokens: how many failures of AUTH one address may have.
//
// An address that fails limits::kGuessesPerSecondMax times within a second has to wait; while it
// waits, its tokens are refused unseen. Each further time the wait doubles, from kGuessDelayMsMin
// up to kGuessDelayMsMax, and half as many failures bring it about. kGuessForgetMs without a
// failure, and all is forgotten. A right token changes nothing, or who has one could clear the way
// for guessing another. An IPv6 host owns a /64, so that is what counts as one address there.
//
// Loopback is no exception: a proxy may stand there, and so may a stranger's program.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace rstmdb::api {

class GuessLimits {
 public:
  struct Stats {
    uint64_t failures = 0;   // tokens looked at and found wrong
    uint64_t refused = 0;    // not looked at, because the address has to wait
    uint64_t addresses = 0;  // remembered now
  };

  /// How long `peer` ("192.0.2.7:50123") has to wait before its next try; 0: not at all. Counts a
  /// refusal when it has to.
  int64_t wait_ms(std::string_view peer, int64_t now_ms);
  /// `peer` has shown a wrong token. Forgets the address that has been quiet longest when there are
  /// more than limits::kGuessAddressesMax.
  void failed(std::string_view peer, int64_t now_ms);

  Stats stats() const;

 private:
  struct Address {
    std::string key;
    int64_t last_failure_ms = 0;
    int64_t second_began_ms = 0;
    int64_t closed_until_ms = 0;
    int failures = 0;  // in the second that began then
    int waits = 0;     // that it has been given
  };
  using Place = std::list<Address>::iterator;
  void forget_quiet(int64_t now_ms);

  std::list<Address> addresses_;  // the one that failed last is last
  std::unordered_map<std::string, Place> places_;
  uint64_t failures_ = 0;
  uint64_t refused_ = 0;
};

/// What counts as one address: the four bytes of an IPv4 address, the first eight of an IPv6 one,
/// whatever the interface, or the text itself when it is neither.
std::string address_key(std::string_view peer);

}  // namespace rstmdb::api
