// The server program on one data folder: started, killed, started again.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace rstmdb::crash {

class ServerProcess {
 public:
  enum class Http { kOff, kOn };
  struct Options {
    std::string program;
    std::string folder;  // holds the port file and what the server logs
    std::string data;    // the data folder
    /// A program with its arguments that takes the power from where `data` lies when it is given
    /// the word `cut`, and gives it back on `restore`. "": none, a kill is a kill.
    std::string power = {};
    Http http = Http::kOff;
  };

  explicit ServerProcess(Options options);
  /// Kills what still runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  /// Starts the program and returns at once.
  Result<void> spawn();
  /// Waits until it listens. An error when it ends before, or does not listen in time.
  Result<void> wait_until_ready();
  /// Waits for `time` at most; true when the server began to listen within it.
  bool becomes_ready_within(std::chrono::microseconds time);
  /// SIGKILL, and waits for the end; between a freeze and it the power is cut, if it can be. An
  /// error when the server had ended by itself.
  Result<void> kill();

  uint16_t port() const { return port_; }
  /// Of the HTTP door; 0 when it is off.
  uint16_t http_port() const { return http_port_; }
  /// From spawn() to listening, of the last start that got there.
  std::chrono::microseconds start_time() const { return start_time_; }
  /// What the server has logged since the last call.
  std::string take_log();

 private:
  using Clock = std::chrono::steady_clock;
  std::string port_file() const { return options_.folder + "/port"; }
  std::string log_file() const { return options_.folder + "/server.log"; }
  bool read_port();
  Result<void> read_http_port();
  bool ended_within(std::chrono::microseconds time) const;
  Result<void> cut_power();
  Result<void> power(const std::string& word) const;

  Options options_;
  pid_t process_ = -1;
  int process_descriptor_ = -1;
  uint16_t port_ = 0;
  uint16_t http_port_ = 0;
  std::streamoff logged_before_ = 0;  // bytes of the log when this server was started
  Clock::time_point spawned_;
  std::chrono::microseconds start_time_{0};
  size_t log_taken_ = 0;
};

}  // namespace rstmdb::crash
