// What an operation may use: the node, what the server is, and who asks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "api/credentials.h"
#include "api/guess_limits.h"
#include "api/later.h"
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
  Credentials credentials;  // replaced by a reload, between turns
  int64_t started_ns = 0;   // steady clock
  std::function<uint64_t()> connections = [] { return uint64_t{0}; };
};

/// One connection's standing. Operations change it; the session carries out what it asks for.
struct Caller {
  std::string peer;               // "192.0.2.7:50123"
  Access rights = Access::kNone;  // kNone until authenticated; kAdmin where that is not required
  Principal principal;            // who authenticated; its name will stand in the records
  Proof proof;                    // by what
  int failed_guesses = 0;
  bool wants_jsonl = false;   // set by HELLO: everything after its answer is jsonl
  bool speaks_jsonl = false;  // the dialect now
  bool wants_close = false;   // set by BYE and by too many failed guesses

  bool authenticated() const { return rights != Access::kNone; }
};

/// Makes the caller the one who has been proved by `proof`. Where authentication is not required
/// everybody keeps all rights, and only the name counts.
inline void identify_as(Caller& caller, const ServerFacts& facts, const Principal& principal,
                        Proof proof) {
  caller.rights = facts.auth_required ? principal.rights : Access::kAdmin;
  caller.principal = principal;
  caller.proof = std::move(proof);
}

struct Context {
  node::Node& node;
  const ServerFacts& facts;
  Caller& caller;
  GuessLimits& guesses;
  watch::Watcher& watcher;  // the connection, for what is sent to it unasked
  Later& later;
};

/// Offset that must be committed before an answer may leave; 0: none.
struct DependsOn {
  uint64_t offset = 0;
};

}  // namespace rstmdb::api
