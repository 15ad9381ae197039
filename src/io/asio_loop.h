// The production Loop: one thread, sockets, timers and signals.
//
// A turn is: wait for something, handle at most limits::kTurnHandlersMax ready pieces of it, run
// the at_turn_end tasks. The bound keeps a busy network from putting the log's flush off for ever,
// and because everything that is ready shares one turn, it shares one flush too.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "io/executor.h"

namespace boost::asio {
class io_context;
}

namespace rstmdb::io {

class SocketPoll;

class AsioLoop final : public Loop {
 public:
  struct Options {
    /// How long to poll before sleeping, when the last wait was no longer than this: for the next
    /// request of somebody who waits for each answer. It saves the time in which a sleeping core
    /// wakes up (tens of microseconds). Where nothing comes in time, one such wait was for nothing,
    /// and the loop sleeps until waits are short again; so an idle loop costs nothing. 0: never.
    int64_t spin_us = 150;
  };

  AsioLoop();
  explicit AsioLoop(Options options);
  /// Tasks and timers that have not run are dropped. Streams and listeners must be gone before.
  ~AsioLoop() override;

  void post(Task task) override;  // thread-safe
  TimerId run_after(int64_t delay_ms, Task task) override;
  void cancel(TimerId timer) override;
  void at_turn_end(Task task) override;
  /// The turn in which stop() is called is finished, with its end tasks. May be called again.
  void run() override;
  void stop() override;  // thread-safe; before run() it makes run() return at once

  /// From now on `on_signal` runs on the loop for each of `signals`, and they no longer end the
  /// process. One call per signal number; fails by abort when the system refuses.
  void on_signal(std::initializer_list<int> signals, std::move_only_function<void(int)> on_signal);

  /// For the files of this folder that do network calls. What the sockets tell is part of the
  /// loop's turns, each of them a piece of input.
  boost::asio::io_context& context();
  SocketPoll& sockets();

 private:
  struct Parts;
  void run_turn_end_tasks();
  void wait_for_one();
  void wait_for_sockets();
  std::unique_ptr<Parts> parts_;
};

}  // namespace rstmdb::io
