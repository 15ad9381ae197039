// What a subscription wants to hear of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "watch/change.h"

namespace rstmdb::watch {

class KindSet {
 public:
  void add(ChangeKind kind) { bits_ |= bit(kind); }
  bool has(ChangeKind kind) const { return (bits_ & bit(kind)) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  static uint8_t bit(ChangeKind kind) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(kind));
  }
  uint8_t bits_ = 0;
};

/// AND between the fields, OR inside one; an empty field takes everything. A change that lacks what
/// a field asks for (a creation has no event) does not pass.
struct Filter {
  KindSet kinds;
  std::string instance_id;  // "": all instances
  std::vector<std::string> machines;
  std::vector<std::string> events;
  std::vector<std::string> from_states;
  std::vector<std::string> to_states;

  /// Sorts the names and drops repeated ones; everything else expects that.
  void normalise();
  bool matches(const Change& change) const;
  /// Memory of all names.
  size_t bytes() const;
};

}  // namespace rstmdb::watch
