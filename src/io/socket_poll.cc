#include "io/socket_poll.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::io {
namespace {

SocketPoll::Ready ready_of(uint32_t events) {
  constexpr uint32_t kBytes = EPOLLIN | EPOLLOUT;
  return {.input = (events & ~uint32_t{EPOLLOUT}) != 0,
          .more_input = (events & ~kBytes) != 0,
          .output = (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0};
}

}  // namespace

struct SocketPoll::Batch {
  std::span<epoll_event> told() { return std::span(events).first(count); }
  std::array<epoll_event, limits::kTurnHandlersMax> events{};
  size_t count = 0;
};

SocketPoll::SocketPoll()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), batch_(std::make_unique<Batch>()) {
  RSTMDB_CHECK(epoll_ >= 0, std::strerror(errno));
}

SocketPoll::~SocketPoll() { ::close(epoll_); }

bool SocketPoll::watch(int socket, Watcher& watcher) {
  epoll_event event{};
  // EPOLLPRI: behind a byte that is marked as urgent a receive stops short although there is more.
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;
  event.data.ptr = &watcher;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) == 0;
}

void SocketPoll::forget(int socket, const Watcher& watcher) {
  static_cast<void>(::epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr));
  for (epoll_event& event : batch_->told()) {
    if (event.data.ptr == &watcher) event.data.ptr = nullptr;
  }
}

size_t SocketPoll::tell() {
  std::array<epoll_event, limits::kTurnHandlersMax>& events = batch_->events;
  const int found = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 0);
  if (found <= 0) return 0;
  batch_->count = static_cast<size_t>(found);
  for (const epoll_event& event : batch_->told()) {
    if (event.data.ptr == nullptr) continue;
    static_cast<Watcher*>(event.data.ptr)->on_ready(ready_of(event.events));
  }
  batch_->count = 0;
  return static_cast<size_t>(found);
}

}  // namespace rstmdb::io
