// Watchers on everything, in a thread of their own, which count what they are told and check that
// none of them misses a transition. While they watch, nothing but transitions may happen.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/result.h"
#include "load/connection.h"

namespace rstmdb::bench {

class Watchers {
 public:
  /// Connects `count` watchers and lets them listen.
  static Result<std::unique_ptr<Watchers>> start(const Address& address, uint32_t count);
  ~Watchers();

  const std::atomic<uint64_t>& counted() const { return counted_; }
  /// Waits until each watcher has been told of everything that is in the log now. Fails when one
  /// has missed something or does not get there within a minute.
  Result<void> catch_up();

 private:
  struct Watcher {
    Connection connection;
    uint64_t offset = 0;   // the last one that it was told of
    size_t offset_at = 0;  // where in a notification the offset stood
  };

  explicit Watchers(const Address& address) : address_(address) {}
  Result<void> connect(uint32_t count);
  Result<void> listen();
  Result<void> take(Watcher& watcher);

  Address address_;
  int epoll_ = -1;
  std::vector<Watcher> watchers_;  // the thread's, once it runs
  std::atomic<uint64_t> counted_ = 0;
  std::atomic<uint64_t> wanted_offset_ = UINT64_MAX;  // the thread ends when all are there
  std::atomic<bool> ended_ = false;
  Result<void> outcome_;  // the thread's, until it has been joined
  std::thread thread_;
};

}  // namespace rstmdb::bench
