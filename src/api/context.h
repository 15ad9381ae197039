// What an operation may use: the node, what the server is, and who asks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "node/node.h"

namespace rstmdb::api {

/// Facts of the running server; the same for every connection.
struct ServerFacts {
  std::string version;
  size_t frame_bytes_max = limits::kFramePayloadBytesMax;
  uint64_t wal_segment_bytes = limits::kSegmentBytesDefault;
  bool auth_required = false;
  bool flush_all_allowed = false;
  std::vector<std::string> token_hashes;  // SHA-256, hex, lower case
  int64_t started_ns = 0;                 // steady clock
  std::function<uint64_t()> connections = [] { return uint64_t{0}; };
};

/// One connection's standing. Operations change it; the session carries out what it asks for.
struct Caller {
  bool authenticated = false;  // or authentication is not required
  std::string principal;       // name of who authenticated, as it will stand in the records
  int failed_guesses = 0;
  bool wants_jsonl = false;   // set by HELLO: everything after its answer is jsonl
  bool speaks_jsonl = false;  // the dialect now
  bool wants_close = false;   // set by BYE and by too many failed guesses
};

struct Context {
  node::Node& node;
  const ServerFacts& facts;
  Caller& caller;
};

/// Offset that must be committed before an answer may leave; 0: none.
struct DependsOn {
  uint64_t offset = 0;
};

}  // namespace rstmdb::api
