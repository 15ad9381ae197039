// Tells the service manager how the server is: recovering (and that the start needs more time),
// ready, reloading, stopping, alive. Without one, every call does nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "io/clock.h"
#include "io/executor.h"
#include "io/service_socket.h"

namespace rstmdb::app {

/// On the loop's thread.
class Service {
 public:
  struct Options {
    io::Loop& loop;
    io::Clock& clock;
    std::unique_ptr<io::ServiceSocket> socket;  // null: nobody to tell
    int64_t watchdog_ms = 0;  // the manager ends us after so long without a sign; 0: it does not
  };
  explicit Service(Options options);
  ~Service();

  /// One step of a start that may take long; each step asks for kStepTimeMax more.
  void starting(std::string_view status);
  /// Requests are served. From now on signs of life are sent at twice the pace that is asked for.
  void ready(std::string_view status);
  /// Settings are read again; ready() ends it.
  void reloading();
  void stopping();

  static constexpr int64_t kStepTimeMaxMs = 60'000;

 private:
  void send(std::string_view message);
  void arm_watchdog();

  Options options_;
  io::Loop::TimerId watchdog_timer_ = 0;
};

/// What NOTIFY_SOCKET and WATCHDOG_USEC (for the process WATCHDOG_PID, if that is given) ask for.
struct ServiceRequest {
  std::string socket_address;  // "" for none
  int64_t watchdog_ms = 0;
};
ServiceRequest read_service_request(std::string_view notify_socket, std::string_view watchdog_usec,
                                    std::string_view watchdog_pid, int64_t own_pid);

}  // namespace rstmdb::app
