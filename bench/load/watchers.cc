#include "load/watchers.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include "bench/latencies.h"
#include "load/rcp.h"

namespace rstmdb::bench {
namespace {

constexpr int kEventsMax = 256;
constexpr int kWaitMs = 20;
constexpr int64_t kCatchUpNs = 60'000'000'000;
constexpr std::string_view kOffsetKey = R"("wal_offset":)";

/// The number behind the key, which is looked for at `at` first.
Result<uint64_t> offset_in(std::string_view payload, size_t& at) {
  if (payload.substr(std::min(at, payload.size())).substr(0, kOffsetKey.size()) != kOffsetKey) {
    at = payload.find(kOffsetKey);
    if (at == std::string_view::npos)
      return Error(Code::kInternalError, "no notification").with("payload", payload);
  }
  uint64_t offset = 0;
  const char* end = payload.data() + payload.size();
  const auto read = std::from_chars(payload.data() + at + kOffsetKey.size(), end, offset);
  if (read.ec != std::errc())
    return Error(Code::kInternalError, "no offset").with("payload", payload);
  return offset;
}

/// Subscribes to everything; the end of the log at that moment.
Result<uint64_t> watch_all(Connection& connection) {
  Rcp rcp(kContextBytesMin);
  RSTMDB_TRY(rcp.greet(connection));
  append_watch_all(connection.out());
  RSTMDB_ASSIGN(const Answer answer, exchange(connection, rcp));
  size_t at = 0;
  const auto offset = offset_in(connection.input().substr(0, answer.size), at);
  if (offset.ok()) connection.drop(answer.size);
  return offset;
}

}  // namespace

Result<std::unique_ptr<Watchers>> Watchers::start(const Address& address, uint32_t count) {
  std::unique_ptr<Watchers> watchers(new Watchers(address));
  RSTMDB_TRY(watchers->connect(count));
  watchers->thread_ = std::thread([self = watchers.get()] {
    self->outcome_ = self->listen();
    self->ended_ = true;
  });
  return watchers;
}

Watchers::~Watchers() {
  wanted_offset_ = 0;
  if (thread_.joinable()) thread_.join();
  if (epoll_ >= 0) ::close(epoll_);
}

Result<void> Watchers::connect(uint32_t count) {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return call_failed("epoll_create1");
  watchers_.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    RSTMDB_ASSIGN(Connection connection, Connection::open(address_));
    RSTMDB_ASSIGN(const uint64_t offset, watch_all(connection));
    connection.set_nonblocking();
    watchers_.push_back({.connection = std::move(connection), .offset = offset});
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = i;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, watchers_.back().connection.descriptor(), &event) != 0)
      return call_failed("epoll_ctl");
  }
  return {};
}

Result<void> Watchers::listen() {
  std::array<epoll_event, kEventsMax> events;
  const auto behind = [this](const Watcher& watcher) { return watcher.offset < wanted_offset_; };
  while (std::any_of(watchers_.begin(), watchers_.end(), behind)) {
    const int ready = ::epoll_wait(epoll_, events.data(), kEventsMax, kWaitMs);
    if (ready < 0 && errno != EINTR) return call_failed("epoll_wait");
    for (int i = 0; i < ready; ++i)
      RSTMDB_TRY(take(watchers_[events[static_cast<size_t>(i)].data.u32]));
  }
  return {};
}

Result<void> Watchers::take(Watcher& watcher) {
  RSTMDB_TRY(watcher.connection.receive());
  uint64_t count = 0;
  while (true) {
    RSTMDB_ASSIGN(const CutFrame frame, cut_frame(watcher.connection.input()));
    if (frame.size == 0) break;
    RSTMDB_ASSIGN(const uint64_t offset, offset_in(frame.payload, watcher.offset_at));
    if (offset != watcher.offset + 1)
      return Error(Code::kInternalError, "a watcher was not told of every transition")
          .with("offset_before", watcher.offset)
          .with("offset", offset);
    watcher.offset = offset;
    watcher.connection.drop(frame.size);
    ++count;
  }
  counted_.fetch_add(count, std::memory_order_relaxed);
  return {};
}

Result<void> Watchers::catch_up() {
  RSTMDB_ASSIGN(Connection connection, Connection::open(address_));
  RSTMDB_ASSIGN(const uint64_t end, watch_all(connection));
  wanted_offset_ = end;
  const int64_t deadline_ns = now_ns() + kCatchUpNs;
  while (!ended_ && now_ns() < deadline_ns) std::this_thread::yield();
  if (!ended_) return Error(Code::kInternalError, "the watchers do not catch up");
  thread_.join();
  return outcome_;
}

}  // namespace rstmdb::bench
