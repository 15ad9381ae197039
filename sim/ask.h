// What a client asks for, kept as it was sent so that it can be sent again and judged later.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crash/history.h"

namespace rstmdb::sim {

/// Which instances a LIST_INSTANCES wants.
struct ListWish {
  std::string machine;  // "": all
  std::string state;    // "": all
  uint64_t limit = 100;
};

/// Which changes a subscription wants.
struct WatchWish {
  std::string instance_id;  // "": all that pass the filter
  std::vector<std::string> machines, events, from_states, to_states;
  std::vector<std::string> kinds;  // empty: transitions, and notifications do not name their kind
  bool with_context = true;
  bool resumes = false;
  uint64_t after_offset = 0;  // where it resumes
};

struct Ask {
  enum class Kind : uint8_t {
    kWrites,
    kGet,
    kList,
    kMachines,
    kLogRead,
    kWatch,
    kUnwatch,
    kCompact,
    kPing,
    kHello
  };
  Kind kind = Kind::kPing;
  std::string_view op = "PING";
  std::string params = "{}";
  crash::Form form = crash::Form::kAlone;
  std::vector<uint64_t> tags = {};  // of its writes
  std::string instance_id = {};     // of a read
  ListWish list = {};
  WatchWish watch = {};
  uint64_t from = 0;  // of a reading of the log
  uint64_t limit = 0;
};

}  // namespace rstmdb::sim
