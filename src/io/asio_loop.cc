#include "io/asio_loop.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/basic_signal_set.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <deque>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/limits.h"
#include "io/socket_poll.h"

namespace rstmdb::io {
namespace {

namespace asio = boost::asio;
using Executor = asio::io_context::executor_type;
using Steady = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using SignalSet = asio::basic_signal_set<Executor>;

constexpr int64_t kDelayMsMax = int64_t{365} * 24 * 60 * 60 * 1000;  // keeps the sum in range

struct WaitingTimer {
  WaitingTimer(asio::io_context& context, Task todo)
      : timer(context.get_executor()), task(std::move(todo)) {}
  Timer timer;
  Task task;
};

struct SignalWatch {
  SignalWatch(asio::io_context& context, std::move_only_function<void(int)> todo)
      : signals(context.get_executor()), on_signal(std::move(todo)) {}

  void wait() {
    signals.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;  // the loop is being destroyed
      on_signal(number);
      wait();
    });
  }
  SignalSet signals;
  std::move_only_function<void(int)> on_signal;
};

/// The library's handler interrupts whatever call it comes into, on whichever thread: a log line to
/// a pipe that is full, or a sync that must never be tried twice. With this they go on.
void restart_after(int number) {
  struct sigaction action = {};
  RSTMDB_CHECK(::sigaction(number, nullptr, &action) == 0, std::strerror(errno));
  action.sa_flags |= SA_RESTART;
  RSTMDB_CHECK(::sigaction(number, &action, nullptr) == 0, std::strerror(errno));
}

}  // namespace

struct AsioLoop::Parts {
  explicit Parts(Options given)
      : options(given),
        context(1),
        work(asio::make_work_guard(context)),
        sockets_ready(context.get_executor(), sockets.descriptor()) {
    // Where there is one processor, whoever is waited for needs it. (A quota of processor time is
    // not seen here: it loses one wait of this length each time that requests begin to be rare.)
    if (std::thread::hardware_concurrency() == 1) options.spin_us = 0;
  }

  ~Parts() { static_cast<void>(sockets_ready.release()); }

  Options options;
  SocketPoll sockets;  // outlives what the context holds, connections that linger among it
  asio::io_context context;
  asio::executor_work_guard<Executor> work;  // an idle loop waits, it does not end
  Descriptor sockets_ready;                  // not the owner of its number
  size_t handled = 0;                        // pieces, in this turn
  boost::unordered_flat_map<TimerId, std::unique_ptr<WaitingTimer>> timers;
  TimerId last_timer = 0;
  bool waits_are_short = false;     // the last one was
  std::deque<Task> turn_end_tasks;  // stays in place while a running task adds another
  std::vector<std::unique_ptr<SignalWatch>> signal_watches;
  std::atomic<bool> stopping = false;
};

AsioLoop::AsioLoop() : AsioLoop(Options{}) {}

AsioLoop::AsioLoop(Options options) : parts_(std::make_unique<Parts>(options)) {
  wait_for_sockets();
}

AsioLoop::~AsioLoop() = default;

void AsioLoop::post(Task task) { asio::post(parts_->context, std::move(task)); }

Loop::TimerId AsioLoop::run_after(int64_t delay_ms, Task task) {
  const TimerId id = ++parts_->last_timer;
  auto waiting = std::make_unique<WaitingTimer>(parts_->context, std::move(task));
  const int64_t delay = std::clamp<int64_t>(delay_ms, 0, kDelayMsMax);
  waiting->timer.expires_after(std::chrono::milliseconds(delay));
  waiting->timer.async_wait([this, id](const boost::system::error_code&) {
    const auto found = parts_->timers.find(id);
    if (found == parts_->timers.end()) return;  // cancelled, maybe when already due
    Task due = std::move(found->second->task);
    parts_->timers.erase(found);
    due();
  });
  parts_->timers.emplace(id, std::move(waiting));
  return id;
}

void AsioLoop::cancel(TimerId timer) { parts_->timers.erase(timer); }

void AsioLoop::at_turn_end(Task task) { parts_->turn_end_tasks.push_back(std::move(task)); }

void AsioLoop::run() {
  Parts& parts = *parts_;
  while (!parts.stopping.load(std::memory_order_acquire)) {
    parts.handled = 0;
    wait_for_one();
    while (parts.handled < limits::kTurnHandlersMax && parts.context.poll_one() == 1)
      ++parts.handled;
    run_turn_end_tasks();
  }
  parts.stopping.store(false, std::memory_order_release);
}

void AsioLoop::wait_for_one() {
  Parts& parts = *parts_;
  const auto spin = std::chrono::microseconds(parts.options.spin_us);
  const auto began = Steady::now();
  if (parts.waits_are_short) {
    do {
      if (parts.context.poll_one() == 0) continue;
      ++parts.handled;
      return;
    } while (Steady::now() - began < spin);
  }
  parts.handled += parts.context.run_one();
  parts.waits_are_short = Steady::now() - began < spin;
}

void AsioLoop::wait_for_sockets() {
  parts_->sockets_ready.async_wait(Descriptor::wait_read,
                                   [this](const boost::system::error_code& error) {
                                     if (error) return;  // the loop is being destroyed
                                     parts_->handled += parts_->sockets.tell();
                                     wait_for_sockets();
                                   });
}

void AsioLoop::run_turn_end_tasks() {
  for (size_t i = 0; i < parts_->turn_end_tasks.size(); ++i) parts_->turn_end_tasks[i]();
}

void AsioLoop::stop() {
  parts_->stopping.store(true, std::memory_order_release);
  asio::post(parts_->context, [] {});  // wakes the loop when it sleeps
}

void AsioLoop::on_signal(std::initializer_list<int> signals,
                         std::move_only_function<void(int)> on_signal) {
  auto watch = std::make_unique<SignalWatch>(parts_->context, std::move(on_signal));
  for (const int number : signals) {
    boost::system::error_code error;
    watch->signals.add(number, error);
    RSTMDB_CHECK(!error, error.message());
    restart_after(number);
  }
  watch->wait();
  parts_->signal_watches.push_back(std::move(watch));
}

asio::io_context& AsioLoop::context() { return parts_->context; }

SocketPoll& AsioLoop::sockets() { return parts_->sockets; }

}  // namespace rstmdb::io
