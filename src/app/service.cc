#include "app/service.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace rstmdb::app {
namespace {

int64_t number_of(std::string_view text) {
  int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() ? number : 0;
}

/// A status is one line.
std::string status_line(std::string_view status) {
  std::string line = "STATUS=" + std::string(status);
  std::ranges::replace(line, '\n', ' ');
  return line;
}

}  // namespace

Service::Service(Options options) : options_(std::move(options)) {}

Service::~Service() { options_.loop.cancel(watchdog_timer_); }

void Service::send(std::string_view message) {
  if (options_.socket) options_.socket->send(message);
}

void Service::starting(std::string_view status) {
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(kStepTimeMaxMs * 1000) + "\n" + status_line(status));
}

void Service::ready(std::string_view status) {
  send("READY=1\n" + status_line(status));
  if (options_.socket && options_.watchdog_ms > 0 && watchdog_timer_ == 0) arm_watchdog();
}

void Service::reloading() {
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(options_.clock.steady_ns() / 1000));
}

void Service::stopping() { send("STOPPING=1\nSTATUS=stopping"); }

void Service::arm_watchdog() {
  send("WATCHDOG=1");
  watchdog_timer_ = options_.loop.run_after(std::max<int64_t>(options_.watchdog_ms / 2, 1),
                                            [this] { arm_watchdog(); });
}

ServiceRequest read_service_request(std::string_view notify_socket, std::string_view watchdog_usec,
                                    std::string_view watchdog_pid, int64_t own_pid) {
  ServiceRequest request{.socket_address = std::string(notify_socket)};
  if (watchdog_pid.empty() || number_of(watchdog_pid) == own_pid)
    request.watchdog_ms = std::max<int64_t>(number_of(watchdog_usec), 0) / 1000;
  return request;
}

}  // namespace rstmdb::app
