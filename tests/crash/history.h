// What clients see of the database: the writes that they send, the answers that they get, and the
// records and instances that they read back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/document.h"

namespace rstmdb::crash {

enum class Kind : uint8_t { kPut, kCreate, kApply, kRemove };
inline constexpr size_t kKindCount = 4;

/// One write: a request of its own or an element of a batch. Its tag is in its body, so that its
/// record can be told from every other; a removal has no body and is known by its instance.
struct Write {
  Kind kind = Kind::kApply;
  std::string machine = {};      // put, create
  std::string instance_id = {};  // "" for a create whose id the server chooses
  std::string event = {};        // apply
  std::string body = {};  // put: definition, create: context, apply: payload; without white space
  std::string key = {};   // or ""
  std::optional<std::string> expected_state = {};
  std::optional<uint64_t> expected_offset = {};
};

/// The parameters of its request, as JSON.
std::string params_of(const Write& write);

enum class Form : uint8_t { kAlone, kAtomic, kBestEffort };

/// The answer to one write.
struct WriteAnswer {
  std::string error = {};  // the code, or "" for success
  uint64_t offset = 0;     // 0 where the answer has none
  std::optional<bool> applied = {};
  std::string instance_id = {};
  std::string from_state = {};
  std::string to_state = {};
  std::string context = {};  // apply
};

/// One record of the log, as WAL_READ gives it.
struct LogRecord {
  uint64_t offset = 0;
  int64_t ts = 0;
  Kind kind = Kind::kApply;
  uint64_t tag = 0;  // from its body; 0 when there is none
  std::string machine = {};
  std::string instance_id = {};
  std::string event = {};
  std::string from_state = {};
  std::string to_state = {};  // create: the initial state
  std::string body = {};      // create, apply
  std::string context = {};   // after; create, apply
  std::string key = {};
  std::string actor = {};  // whose write it is, or ""
  uint64_t batch_index = 0;
  uint64_t batch_size = 0;
  uint64_t hash = 0;  // of the whole entry's text
};

/// An instance as GET_INSTANCE gives it.
struct InstanceRead {
  std::string instance_id = {};
  bool found = false;
  std::string machine = {};
  std::string state = {};
  std::string context = {};
  uint64_t last_offset = 0;
  int64_t created_at = 0;
  int64_t updated_at = 0;
};

/// A page of an instance's history as GET_HISTORY gives it.
struct HistoryRead {
  std::string instance_id = {};
  bool found = false;
  std::vector<uint64_t> offsets = {};  // newest first
  bool has_more = false;
  uint64_t horizon = 0;
  bool complete = false;
};

/// Member `key` of `object` as a number; `otherwise` when it is no number.
uint64_t number_of(json::Value object, std::string_view key, uint64_t otherwise);
/// Member `key` of `object` as a text; "" when it is none.
std::string text_of(json::Value object, std::string_view key);

/// Reads an element of WAL_READ's `records`; kInternalError for what no record looks like.
Result<LogRecord> read_log_record(json::Value element);
/// Reads the result or error of a write's response, or of an element of a batch's `results`.
WriteAnswer read_write_answer(json::Value response);
/// Reads the response to a request of `writes` writes: one answer for each element of a batch's
/// `results`, and to a batch that was refused as a whole the same one for every write.
std::vector<WriteAnswer> read_answers(json::Value response, size_t writes);
/// Reads the response to GET_INSTANCE for `instance_id`.
InstanceRead read_instance(json::Value response, std::string_view instance_id);
/// Reads the response to GET_HISTORY for `instance_id`.
HistoryRead read_history(json::Value response, std::string_view instance_id);

}  // namespace rstmdb::crash
