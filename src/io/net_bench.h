// What the network's contract tests stand on: nets of every kind, each with a loop that runs until
// a condition holds and with clients that all look alike.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "io/net.h"
#include "io/simulated_net.h"

namespace rstmdb::io {

/// A net with its loop, and clients for it.
class Bench {
 public:
  virtual ~Bench() = default;
  virtual Net& net() = 0;
  virtual Loop& loop() = 0;
  virtual std::unique_ptr<Worker> make_worker() = 0;
  virtual SimulatedPeer& connect(const std::string& address) = 0;
  virtual bool run_until(std::move_only_function<bool()> condition) = 0;
  /// More than the network holds between two ends.
  virtual size_t flood_bytes() const = 0;
};

struct NetKind {
  std::string name;
  std::function<std::unique_ptr<Bench>()> make;
};

void PrintTo(const NetKind& kind, std::ostream* out);  // the name that GoogleTest shows

/// TCP, and the simulated network plain and sliced by twelve seeds; and TLS over some of them.
std::vector<NetKind> net_kinds();

}  // namespace rstmdb::io
