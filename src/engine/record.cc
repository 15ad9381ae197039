#include "engine/record.h"

#include "base/bytes.h"
#include "base/limits.h"

namespace rstmdb::engine {
namespace {

constexpr uint8_t kFormat = 1;

// Bits of `fields`: which optional fields follow, in this order.
enum Field : uint16_t {
  kHasBatch = 1,
  kHasActor = 2,
  kHasTrace = 4,
  kHasKey = 8,
  kHasEventId = 16,
  kHasPayload = 32,
  kGeneratedId = 64,  // a flag: no bytes follow
  kHasOrigin = 128,
};
constexpr uint16_t kKnownFields = kHasBatch | kHasActor | kHasTrace | kHasKey | kHasEventId |
                                  kHasPayload | kGeneratedId | kHasOrigin;

constexpr size_t kFixedBytes = 1 + 1 + 2 + 8 + 8 + 8 + 16;

bool may_have_origin(RecordKind kind) {
  return kind == RecordKind::kApplyEvent || kind == RecordKind::kDeleteInstance;
}

uint16_t fields_of(const Record& record) {
  unsigned fields = 0;
  if (record.batch_size != 0) fields |= kHasBatch;
  if (!record.actor.empty()) fields |= kHasActor;
  if (!record.trace_id.empty()) fields |= kHasTrace;
  if (!record.key.key.empty()) fields |= kHasKey;
  if (!record.event_id.empty()) fields |= kHasEventId;
  if (!record.payload.empty()) fields |= kHasPayload;
  if (record.generated_id) fields |= kGeneratedId;
  if (may_have_origin(record.kind) && record.has_origin()) fields |= kHasOrigin;
  return static_cast<uint16_t>(fields);
}

Hash128 content_hash(std::string_view payload, std::string_view context) {
  return hash128(context, hash64(payload));
}

bool has_context(RecordKind kind) {
  return kind == RecordKind::kPutMachine || kind == RecordKind::kCreateInstance ||
         kind == RecordKind::kApplyEvent || kind == RecordKind::kSnapshotInstance;
}

void append_optional(std::string& out, const Record& record, uint16_t fields) {
  if (fields & kHasBatch) {
    append_varint(out, record.batch_index);
    append_varint(out, record.batch_size);
  }
  if (fields & kHasActor) append_text(out, record.actor);
  if (fields & kHasTrace) append_text(out, record.trace_id);
  if (fields & kHasKey) {
    append_text(out, record.key.key);
    append_le(out, record.key.fingerprint.low);
    append_le(out, record.key.fingerprint.high);
    append_varint(out, static_cast<uint64_t>(record.key.expires_at));
    append_varint(out, record.key.evicted);
  }
  if (fields & kHasOrigin) {
    append_text(out, record.machine);
    append_varint(out, record.version);
    if (record.kind == RecordKind::kDeleteInstance) append_text(out, record.from_state);
  }
}

void append_own(std::string& out, const Record& record, uint16_t fields) {
  switch (record.kind) {
    case RecordKind::kPutMachine:
      append_text(out, record.machine);
      append_varint(out, record.version);
      append_text(out, record.checksum);
      break;
    case RecordKind::kCreateInstance:
      append_text(out, record.instance_id);
      append_text(out, record.machine);
      append_varint(out, record.version);
      append_text(out, record.to_state);
      break;
    case RecordKind::kApplyEvent:
      append_text(out, record.instance_id);
      append_text(out, record.event);
      append_text(out, record.from_state);
      append_text(out, record.to_state);
      if (fields & kHasEventId) append_text(out, record.event_id);
      break;
    case RecordKind::kDeleteInstance:
      append_text(out, record.instance_id);
      break;
    case RecordKind::kSnapshotInstance:
      append_text(out, record.instance_id);
      append_text(out, record.snapshot_id);
      break;
    case RecordKind::kFlushAll:
      break;
  }
}

/// A varint of at most 32 bits; a larger one is as unreadable as one that does not end.
uint32_t read_u32(ByteReader& in) {
  const uint64_t value = in.varint();
  if (value > UINT32_MAX) static_cast<void>(in.take(UINT64_MAX));
  return static_cast<uint32_t>(value);
}

void read_optional(ByteReader& in, Record& record, uint16_t fields) {
  if (fields & kHasBatch) {
    record.batch_index = read_u32(in);
    record.batch_size = read_u32(in);
  }
  if (fields & kHasActor) record.actor = in.text();
  if (fields & kHasTrace) record.trace_id = in.text();
  if (fields & kHasKey) {
    record.key.key = in.text();
    record.key.fingerprint.low = in.fixed<uint64_t>();
    record.key.fingerprint.high = in.fixed<uint64_t>();
    record.key.expires_at = static_cast<int64_t>(in.varint());
    record.key.evicted = read_u32(in);
  }
  if (fields & kHasOrigin) {
    record.machine = in.text();
    record.version = read_u32(in);
    if (record.kind == RecordKind::kDeleteInstance) record.from_state = in.text();
  }
}

void read_own(ByteReader& in, Record& record, uint16_t fields) {
  switch (record.kind) {
    case RecordKind::kPutMachine:
      record.machine = in.text();
      record.version = read_u32(in);
      record.checksum = in.text();
      break;
    case RecordKind::kCreateInstance:
      record.generated_id = (fields & kGeneratedId) != 0;
      record.instance_id = in.text();
      record.machine = in.text();
      record.version = read_u32(in);
      record.to_state = in.text();
      break;
    case RecordKind::kApplyEvent:
      record.instance_id = in.text();
      record.event = in.text();
      record.from_state = in.text();
      record.to_state = in.text();
      if (fields & kHasEventId) record.event_id = in.text();
      break;
    case RecordKind::kDeleteInstance:
      record.instance_id = in.text();
      break;
    case RecordKind::kSnapshotInstance:
      record.instance_id = in.text();
      record.snapshot_id = in.text();
      break;
    case RecordKind::kFlushAll:
      break;
  }
}

bool known_kind(uint8_t kind) {
  return kind >= static_cast<uint8_t>(RecordKind::kPutMachine) &&
         kind <= static_cast<uint8_t>(RecordKind::kSnapshotInstance);
}

/// Whether the optional fields that are there can belong to the kind, with a value that would have
/// been written.
bool plausible(const Record& record, uint16_t fields) {
  const bool apply = record.kind == RecordKind::kApplyEvent;
  if ((fields & (kHasEventId | kHasPayload)) != 0 && !apply) return false;
  if ((fields & kHasOrigin) && (!may_have_origin(record.kind) || record.machine.empty())) {
    return false;
  }
  if ((fields & kGeneratedId) && record.kind != RecordKind::kCreateInstance) return false;
  if ((fields & kHasEventId) && record.event_id.empty()) return false;
  if ((fields & kHasPayload) && record.payload.empty()) return false;
  if ((fields & kHasKey) && record.key.key.empty()) return false;
  if ((fields & kHasActor) && record.actor.empty()) return false;
  if ((fields & kHasTrace) && record.trace_id.empty()) return false;
  if (fields & kHasBatch) return record.batch_index < record.batch_size;
  return true;
}

}  // namespace

void append_record(std::string& out, const Record& record, ChainHash& chain) {
  const uint16_t fields = fields_of(record);
  // The size stands before bytes that are not known yet: write them, measure, and move them up. The
  // common size needs two bytes, which are reserved; only records above 16 KiB are moved.
  const size_t start = out.size();
  constexpr size_t kReserved = 2;
  out.append(kReserved, '\0');
  const size_t body = out.size();
  out.push_back(static_cast<char>(kFormat));
  out.push_back(static_cast<char>(record.kind));
  append_le(out, fields);
  append_le(out, record.offset);
  append_le(out, static_cast<uint64_t>(record.ts));
  append_le(out, chain.value);
  const Hash128 content = content_hash(record.payload, record.context);
  append_le(out, content.low);
  append_le(out, content.high);
  append_optional(out, record, fields);
  append_own(out, record, fields);
  chain.value = hash64(std::string_view(out).substr(body));
  if (fields & kHasPayload) append_text(out, record.payload);
  if (has_context(record.kind)) append_text(out, record.context);

  std::string size;
  append_varint(size, out.size() - body);
  out.replace(start, kReserved, size);
}

Result<Record> RecordReader::next() {
  Record record;
  RSTMDB_TRY(next(record));
  return record;
}

Result<void> RecordReader::next(Record& record) {
  const auto damaged = [this](std::string_view code, const char* reason) {
    return Error(Code::kInternalError, std::string("a record of the log cannot be read: ") + reason)
        .with("code", code)
        .with("reason", reason)
        .with("byte", static_cast<int64_t>(position_));
  };
  ByteReader outer(rest_);
  const uint64_t size = outer.varint();
  const std::string_view body = outer.take(size);
  if (!outer.ok() || size < kFixedBytes) return damaged("RECORD_DAMAGED", "its size is impossible");

  ByteReader in(body);
  const auto format = in.fixed<uint8_t>();
  const auto kind = in.fixed<uint8_t>();
  const auto fields = in.fixed<uint16_t>();
  if (format != kFormat || !known_kind(kind) || (fields & ~kKnownFields) != 0) {
    return damaged("RECORD_UNKNOWN_FORMAT", "it was written by a newer version");
  }
  record.kind = static_cast<RecordKind>(kind);
  record.offset = in.fixed<uint64_t>();
  record.ts = static_cast<int64_t>(in.fixed<uint64_t>());
  const auto previous = in.fixed<uint64_t>();
  Hash128 content;
  content.low = in.fixed<uint64_t>();
  content.high = in.fixed<uint64_t>();
  read_optional(in, record, fields);
  read_own(in, record, fields);
  const size_t header_size = body.size() - in.rest().size();
  if (fields & kHasPayload) record.payload = in.text();
  if (has_context(record.kind)) record.context = in.text();
  if (!in.ok() || !in.at_end() || !plausible(record, fields)) {
    return damaged("RECORD_DAMAGED", "its fields do not fit its size");
  }
  if (content != content_hash(record.payload, record.context)) {
    return damaged("RECORD_DAMAGED", "its content does not match its hash");
  }
  if (adopt_) {
    chain_.value = previous;
    adopt_ = false;
  }
  if (previous != chain_.value)
    return damaged("RECORD_DAMAGED", "it does not follow its predecessor");
  chain_.value = hash64(body.substr(0, header_size));
  position_ += rest_.size() - outer.rest().size();
  rest_ = outer.rest();
  return {};
}

}  // namespace rstmdb::engine
