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

/// Which page of an instance's history a GET_HISTORY wants.
struct HistoryWish {
  uint64_t before = 0;  // 0: the newest
  uint64_t limit = 100;
  bool with_context = true;
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
    kCount,
    kHistory,
    kLogRead,
    kWatch,
    kUnwatch,
    kCompact,
    kPing,
    kHello,
    kAuth
  };
  Kind kind = Kind::kPing;
  std::string_view op = "PING";
  std::string params = "{}";
  crash::Form form = crash::Form::kAlone;
  std::vector<uint64_t> tags = {};  // of its writes
  std::string instance_id = {};     // of a read
  ListWish list = {};
  HistoryWish history = {};
  WatchWish watch = {};
  uint64_t from = 0;  // of a reading of the log; of machines: how many are skipped
  uint64_t limit = 0;
  size_t token = 0;  // of tokens(), of an AUTH
};

}  // namespace rstmdb::sim
