// The instances of the bare loop, all of them there from the start.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "load/digits.h"
#include "load/rcp.h"

namespace rstmdb::bench {

struct BareInstance {
  std::string id;
  std::string context;
  uint64_t offset = 0;
  bool in_b = false;  // of the two states
};

class BarePopulation {
 public:
  BarePopulation(uint32_t count, size_t context_bytes) {
    by_id_.reserve(count);
    for (uint32_t number = 0; number < count; ++number) {
      BareInstance& instance = instances_.emplace_back();
      instance.id = "i-00000000";
      put_digits(instance.id.data() + 2, 8, number);
      instance.context = context_of(context_bytes);
      by_id_.emplace(instance.id, &instance);
    }
  }
  /// Null when there is none.
  BareInstance* find(std::string_view id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
  }

 private:
  struct Hash {
    using is_avalanching = void;
    size_t operator()(std::string_view id) const { return hash64(id, 1); }
  };
  std::deque<BareInstance> instances_;
  boost::unordered_flat_map<std::string_view, BareInstance*, Hash> by_id_;
};

}  // namespace rstmdb::bench
