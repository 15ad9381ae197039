// The door of metrics and health: a few pages that are made when they are asked for. GET and HEAD
// only, no bodies. On the loop's thread; whoever makes a page may look at everything that the loop
// owns.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/connection.h"
#include "http/page.h"
#include "http/refusals.h"
#include "http/roster.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/net.h"

namespace rstmdb::http {

class Door final {
 public:
  struct Options {
    io::Loop& loop;
    io::Net& net;
    io::Clock& clock;
    std::string address;  // "host:port"
    std::vector<Page> pages;
  };
  struct Stats {
    uint64_t requests = 0;     // read whole
    uint64_t refused = 0;      // connections: one too many
    uint64_t connections = 0;  // now
  };

  static Result<std::unique_ptr<Door>> listen(Options options);
  ~Door();

  /// "127.0.0.1:9090", with the real port.
  const std::string& address() const { return listener_->address(); }
  Stats stats() const;

 private:
  class Visit;
  explicit Door(Options options);
  void on_accept(std::unique_ptr<io::Stream> stream);
  Response answer(const Request& request);
  void arm_tick();
  void tick();

  Options options_;
  DateLine date_;
  std::unique_ptr<io::Listener> listener_;
  Roster<Visit> visits_;
  Refusals refusals_;
  uint64_t requests_ = 0;
  uint64_t refused_ = 0;
  io::Loop::TimerId tick_timer_ = 0;
};

}  // namespace rstmdb::http
