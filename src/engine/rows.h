// Rows: the parts of a state as bytes, for snapshots. A row says which place its part has (slot,
// index), so rows of different kinds and instances may come in any order; definitions and keys come
// in theirs.
//
//   row        = kind:u8, then
//   definition   index version machine:text canonical:text
//   instance     slot definition state deleted:u8 last_offset created_at updated_at
//                size of id, of context, of last event id; then the three texts
//   key          scope:text fingerprint:u64 u64 expires_at offset definition from to
//                instance_id:text context:text event_id:text
//
// Numbers without a type are varints, a text is its size as a varint and its bytes.
//
// Each row has a hash, and the sum of all rows' hashes with that of the position is the state's
// hash, so rows can be checked against a state without building it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/hash.h"
#include "base/result.h"
#include "engine/instances.h"

namespace rstmdb::engine {

struct DefinitionRow {
  DefinitionIndex index = 0;
  uint32_t version = 0;
  std::string_view machine;
  std::string_view canonical;

  Hash128 hash() const;
};

struct InstanceRow {
  Slot slot = 0;
  DefinitionIndex definition = 0;
  StateIndex state = 0;
  bool deleted = false;
  uint64_t last_offset = 0;
  int64_t created_at = 0;
  int64_t updated_at = 0;
  size_t id_size = 0;
  size_t context_size = 0;
  std::string_view texts;  // id, context and last event id, back to back

  std::string_view id() const { return texts.substr(0, id_size); }
  std::string_view context() const { return texts.substr(id_size, context_size); }
  std::string_view last_event_id() const { return texts.substr(id_size + context_size); }
  Hash128 hash() const;
};

struct KeyRow {
  std::string_view scope;  // KeyScope::text()
  Hash128 fingerprint;
  int64_t expires_at = 0;
  uint64_t offset = 0;
  DefinitionIndex definition = 0;
  StateIndex from = 0;
  StateIndex to = 0;
  std::string_view instance_id;
  std::string_view context;
  std::string_view event_id;

  Hash128 hash() const;
};

/// Hash of where a state stands in the log.
Hash128 position_hash(uint64_t last_offset, int64_t last_ts);

void append_row(std::string& out, const DefinitionRow& row);
void append_row(std::string& out, const InstanceRow& row);
void append_row(std::string& out, const KeyRow& row);

using Row = std::variant<DefinitionRow, InstanceRow, KeyRow>;

/// A row with its hash, which can be computed apart from where the row goes.
struct HashedRow {
  explicit HashedRow(const Row& of)
      : row(of), hash(std::visit([](const auto& part) { return part.hash(); }, of)) {}
  Row row;
  Hash128 hash;
};

/// Reads whole rows out of bytes, in order.
class RowReader {
 public:
  explicit RowReader(std::string_view rows) : all_(rows.size()), rest_(rows) {}
  bool at_end() const { return rest_.empty(); }
  /// The next row, its texts views into the bytes. kInternalError with details code=ROW_DAMAGED,
  /// reason and byte for what append_row has not written; nothing is guessed.
  Result<Row> next();

 private:
  size_t all_;
  std::string_view rest_;
};

}  // namespace rstmdb::engine
