#include "engine/rows.h"

#include <limits>

#include "base/bytes.h"
#include "base/limits.h"

namespace rstmdb::engine {
namespace {

enum class RowKind : uint8_t { kDefinition = 1, kInstance = 2, kKey = 3 };

void append_kind(std::string& out, RowKind kind) { out.push_back(static_cast<char>(kind)); }

void append_time(std::string& out, int64_t ms) { append_varint(out, static_cast<uint64_t>(ms)); }

/// A varint that fits T; a larger one is as unreadable as one that does not end.
template <class T>
T read(ByteReader& in) {
  const uint64_t value = in.varint();
  if (value > std::numeric_limits<T>::max()) static_cast<void>(in.take(UINT64_MAX));
  return static_cast<T>(value);
}

int64_t read_time(ByteReader& in) { return static_cast<int64_t>(in.varint()); }

DefinitionRow read_definition(ByteReader& in) {
  DefinitionRow row;
  row.index = read<DefinitionIndex>(in);
  row.version = read<uint32_t>(in);
  row.machine = in.text();
  row.canonical = in.text();
  return row;
}

InstanceRow read_instance(ByteReader& in) {
  InstanceRow row;
  row.slot = read<Slot>(in);
  row.definition = read<DefinitionIndex>(in);
  row.state = read<StateIndex>(in);
  const auto deleted = in.fixed<uint8_t>();
  row.deleted = deleted == 1;
  row.last_offset = in.varint();
  row.created_at = read_time(in);
  row.updated_at = read_time(in);
  row.id_size = read<uint16_t>(in);
  row.context_size = read<uint32_t>(in);
  const size_t event_id_size = read<uint16_t>(in);
  row.texts = in.take(row.id_size + row.context_size + event_id_size);
  if (deleted > 1 || row.id_size == 0) static_cast<void>(in.take(UINT64_MAX));
  return row;
}

KeyRow read_key(ByteReader& in) {
  KeyRow row;
  row.scope = in.text();
  row.fingerprint.low = in.fixed<uint64_t>();
  row.fingerprint.high = in.fixed<uint64_t>();
  row.expires_at = read_time(in);
  row.offset = in.varint();
  row.definition = read<DefinitionIndex>(in);
  row.from = read<StateIndex>(in);
  row.to = read<StateIndex>(in);
  row.instance_id = in.text();
  row.context = in.text();
  row.event_id = in.text();
  return row;
}

}  // namespace

Hash128 DefinitionRow::hash() const { return hash128(canonical, hash64(machine, version)); }

Hash128 InstanceRow::hash() const {
  const uint64_t facts[] = {
      last_offset,
      static_cast<uint64_t>(created_at),
      static_cast<uint64_t>(updated_at),
      (uint64_t{definition} << 32) | (uint64_t{state} << 1) | (deleted ? 1u : 0u),
      (uint64_t{context_size} << 32) | (uint64_t{id_size} << 16) |
          (texts.size() - id_size - context_size),
  };
  return hash128(texts, hash64({reinterpret_cast<const char*>(facts), sizeof facts}, 1));
}

Hash128 KeyRow::hash() const {
  const uint64_t facts[] = {
      fingerprint.low,
      fingerprint.high,
      static_cast<uint64_t>(expires_at),
      offset,
      definition,
      (uint64_t{from} << 16) | to,
      hash64(instance_id),
      hash64(context),
      hash64(event_id),
  };
  return hash128(scope, hash64({reinterpret_cast<const char*>(facts), sizeof facts}, 2));
}

Hash128 position_hash(uint64_t last_offset, int64_t last_ts) {
  const uint64_t position[] = {last_offset, static_cast<uint64_t>(last_ts)};
  return hash128({reinterpret_cast<const char*>(position), sizeof position}, 3);
}

void append_row(std::string& out, const DefinitionRow& row) {
  append_kind(out, RowKind::kDefinition);
  append_varint(out, row.index);
  append_varint(out, row.version);
  append_text(out, row.machine);
  append_text(out, row.canonical);
}

void append_row(std::string& out, const InstanceRow& row) {
  append_kind(out, RowKind::kInstance);
  append_varint(out, row.slot);
  append_varint(out, row.definition);
  append_varint(out, row.state);
  out.push_back(row.deleted ? '\1' : '\0');
  append_varint(out, row.last_offset);
  append_time(out, row.created_at);
  append_time(out, row.updated_at);
  append_varint(out, row.id_size);
  append_varint(out, row.context_size);
  append_varint(out, row.texts.size() - row.id_size - row.context_size);
  out.append(row.texts);
}

void append_row(std::string& out, const KeyRow& row) {
  append_kind(out, RowKind::kKey);
  append_text(out, row.scope);
  append_le(out, row.fingerprint.low);
  append_le(out, row.fingerprint.high);
  append_time(out, row.expires_at);
  append_varint(out, row.offset);
  append_varint(out, row.definition);
  append_varint(out, row.from);
  append_varint(out, row.to);
  append_text(out, row.instance_id);
  append_text(out, row.context);
  append_text(out, row.event_id);
}

Result<Row> RowReader::next() {
  const size_t at = all_ - rest_.size();
  const auto damaged = [at](const char* reason) {
    return Error(Code::kInternalError, std::string("a row cannot be read: ") + reason)
        .with("code", "ROW_DAMAGED")
        .with("reason", reason)
        .with("byte", static_cast<int64_t>(at));
  };
  ByteReader in(rest_);
  const auto kind = in.fixed<uint8_t>();
  Row row;
  switch (static_cast<RowKind>(kind)) {
    case RowKind::kDefinition:
      row = read_definition(in);
      break;
    case RowKind::kInstance:
      row = read_instance(in);
      break;
    case RowKind::kKey:
      row = read_key(in);
      break;
    default:  // a byte from a file, not a code of ours
      return damaged("its kind is unknown");
  }
  if (!in.ok()) return damaged("its fields do not fit its bytes");
  rest_ = in.rest();
  return row;
}

}  // namespace rstmdb::engine
