#include "api/guess_limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/host_port.h"
#include "base/limits.h"

namespace rstmdb::api {
namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr size_t kNetworkBytes = 8;  // of an IPv6 address

/// How many failures in a second bring about wait number `waits` + 1.
int allowed(int waits) { return std::max(1, limits::kGuessesPerSecondMax >> std::min(waits, 30)); }

int64_t delay_ms(int waits) {
  int64_t delay = limits::kGuessDelayMsMin;
  for (int i = 0; i < waits && delay < limits::kGuessDelayMsMax; ++i) delay *= 2;
  return std::min(delay, limits::kGuessDelayMsMax);
}

}  // namespace

std::string address_key(std::string_view peer) {
  std::string address(peer);
  // An address of the link comes with its interface, as in [fe80::1%eth0]:5.
  if (const size_t zone = address.find('%'); zone != std::string::npos)
    address.erase(zone, address.rfind(']') - zone);
  const auto parts = split_host_port(address);
  if (!parts.ok()) return std::string(peer);
  in_addr v4{};
  if (::inet_pton(AF_INET, parts->host.c_str(), &v4) == 1)
    return {reinterpret_cast<const char*>(&v4), sizeof v4};
  in6_addr v6{};
  if (::inet_pton(AF_INET6, parts->host.c_str(), &v6) == 1)
    return {reinterpret_cast<const char*>(&v6), kNetworkBytes};
  return parts->host;
}

int64_t GuessLimits::wait_ms(std::string_view peer, int64_t now_ms) {
  if (places_.empty()) return 0;
  const auto found = places_.find(address_key(peer));
  if (found == places_.end()) return 0;
  const int64_t left = found->second->closed_until_ms - now_ms;
  if (left <= 0) return 0;
  ++refused_;
  return left;
}

void GuessLimits::failed(std::string_view peer, int64_t now_ms) {
  ++failures_;
  forget_quiet(now_ms);
  std::string key = address_key(peer);
  const auto found = places_.find(key);
  if (found == places_.end()) {
    addresses_.push_back({.key = key, .second_began_ms = now_ms});
    places_.emplace(std::move(key), std::prev(addresses_.end()));
  } else {
    addresses_.splice(addresses_.end(), addresses_, found->second);
  }
  Address& address = addresses_.back();
  address.last_failure_ms = now_ms;
  if (now_ms - address.second_began_ms >= kSecondMs) {
    address.second_began_ms = now_ms;
    address.failures = 0;
  }
  if (++address.failures >= allowed(address.waits)) {
    address.closed_until_ms = now_ms + delay_ms(address.waits);
    address.failures = 0;
    ++address.waits;
  }
  if (addresses_.size() > limits::kGuessAddressesMax) {
    places_.erase(addresses_.front().key);
    addresses_.pop_front();
  }
}

void GuessLimits::forget_quiet(int64_t now_ms) {
  while (!addresses_.empty() &&
         now_ms - addresses_.front().last_failure_ms >= limits::kGuessForgetMs) {
    places_.erase(addresses_.front().key);
    addresses_.pop_front();
  }
}

GuessLimits::Stats GuessLimits::stats() const {
  return {failures_, refused_, uint64_t{addresses_.size()}};
}

}  // namespace rstmdb::api
