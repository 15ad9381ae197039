// What happened in a run, as lines: the last ones are kept for whoever has to understand a failure,
// and all of them go into one hash. Equal seeds must give equal hashes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/simulated_loop.h"

namespace rstmdb::sim {

class Trace {
 public:
  enum class Show { kNothing, kEverything };

  Trace(const io::SimulatedLoop& loop, Show show) : loop_(loop), show_(show) {}

  /// One line: what, two numbers and a text.
  void note(std::string_view what, uint64_t first = 0, uint64_t second = 0,
            std::string_view text = {});

  uint64_t hash() const { return hash_; }
  uint64_t lines() const { return lines_; }
  /// The last lines, oldest first.
  std::vector<std::string> last() const;

 private:
  static constexpr size_t kKept = 300;
  struct Line {
    int64_t at_ns = 0;
    std::string_view what;  // a literal
    uint64_t first = 0;
    uint64_t second = 0;
    std::string text;
  };
  static std::string shown(const Line& line);

  const io::SimulatedLoop& loop_;
  Show show_;
  uint64_t hash_ = 0;
  uint64_t lines_ = 0;
  std::vector<Line> kept_ = std::vector<Line>(kKept);
};

}  // namespace rstmdb::sim
