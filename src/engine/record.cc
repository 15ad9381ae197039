#include "engine/record.h"

#include <cstring>

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
  kHasInstanceLink = 256,
};
constexpr uint16_t kKnownFields = kHasBatch | kHasActor | kHasTrace | kHasKey | kHasEventId |
                                  kHasPayload | kGeneratedId | kHasOrigin | kHasInstanceLink;

constexpr size_t kFixedBytes = 1 + 1 + 2 + 8 + 8 + 8 + 16;

/// Whether a record of this kind changes an instance that was there before, and so may say what it
/// was part of: its machine, and its record before.
bool changes_instance(RecordKind kind) {
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
  if (changes_instance(record.kind)) {
    if (record.has_origin()) fields |= kHasOrigin;
    if (record.previous_of_instance != 0) fields |= kHasInstanceLink;
  }
  return static_cast<uint16_t>(fields);
}

Hash128 content_hash(std::string_view payload, std::string_view context) {
  return hash128(context, hash64(payload));
}

bool has_context(RecordKind kind) {
  return kind == RecordKind::kPutMachine || kind == RecordKind::kCreateInstance ||
         kind == RecordKind::kApplyEvent || kind == RecordKind::kSnapshotInstance;
}

void write_optional(ByteWriter& out, const Record& record, uint16_t fields) {
  if (fields & kHasBatch) {
    out.varint(record.batch_index);
    out.varint(record.batch_size);
  }
  if (fields & kHasActor) out.text(record.actor);
  if (fields & kHasTrace) out.text(record.trace_id);
  if (fields & kHasKey) {
    out.text(record.key.key);
    out.fixed(record.key.fingerprint.low);
    out.fixed(record.key.fingerprint.high);
    out.varint(static_cast<uint64_t>(record.key.expires_at));
    out.varint(record.key.evicted);
  }
  if (fields & kHasOrigin) {
    out.text(record.machine);
    out.varint(record.version);
    if (record.kind == RecordKind::kDeleteInstance) out.text(record.from_state);
  }
  // The way back, not the place: that takes fewer bytes.
  if (fields & kHasInstanceLink) out.varint(record.offset - record.previous_of_instance);
}

void write_own(ByteWriter& out, const Record& record, uint16_t fields) {
  switch (record.kind) {
    case RecordKind::kPutMachine:
      out.text(record.machine);
      out.varint(record.version);
      out.text(record.checksum);
      break;
    case RecordKind::kCreateInstance:
      out.text(record.instance_id);
      out.text(record.machine);
      out.varint(record.version);
      out.text(record.to_state);
      break;
    case RecordKind::kApplyEvent:
      out.text(record.instance_id);
      out.text(record.event);
      out.text(record.from_state);
      out.text(record.to_state);
      if (fields & kHasEventId) out.text(record.event_id);
      break;
    case RecordKind::kDeleteInstance:
      out.text(record.instance_id);
      break;
    case RecordKind::kSnapshotInstance:
      out.text(record.instance_id);
      out.text(record.snapshot_id);
      break;
    case RecordKind::kFlushAll:
      break;
  }
}

/// Room that is enough for the record.
size_t bytes_max(const Record& record) {
  constexpr size_t kNumbers = 24;  // more than there are varints, sizes of texts among them
  constexpr size_t kKeyFixed = sizeof(Hash128);
  return kFixedBytes + kNumbers * kVarintBytesMax + kKeyFixed + record.actor.size() +
         record.trace_id.size() + record.key.key.size() + record.machine.size() +
         record.checksum.size() + record.instance_id.size() + record.event.size() +
         record.from_state.size() + record.to_state.size() + record.event_id.size() +
         record.snapshot_id.size() + record.payload.size() + record.context.size();
}

/// Writes the record and returns the end of it.
char* write_record(char* start, const Record& record, ChainHash& chain) {
  const uint16_t fields = fields_of(record);
  // The size stands before bytes that are not known yet: they are written as if it took two bytes,
  // which is the common case, and moved otherwise.
  constexpr size_t kReserved = 2;
  char* const body = start + kReserved;
  ByteWriter out(body);
  out.byte(kFormat);
  out.byte(static_cast<uint8_t>(record.kind));
  out.fixed(fields);
  out.fixed(record.offset);
  out.fixed(static_cast<uint64_t>(record.ts));
  out.fixed(chain.value);
  const Hash128 content = content_hash(record.payload, record.context);
  out.fixed(content.low);
  out.fixed(content.high);
  write_optional(out, record, fields);
  write_own(out, record, fields);
  chain.value = hash64({body, static_cast<size_t>(out.at() - body)});
  if (fields & kHasPayload) out.text(record.payload);
  if (has_context(record.kind)) out.text(record.context);

  const auto size = static_cast<size_t>(out.at() - body);
  char digits[kVarintBytesMax];
  ByteWriter size_out(digits);
  size_out.varint(size);
  const auto digit_count = static_cast<size_t>(size_out.at() - digits);
  if (digit_count != kReserved) std::memmove(start + digit_count, body, size);
  std::memcpy(start, digits, digit_count);
  return start + digit_count + size;
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
  if (fields & kHasInstanceLink) {
    // Of a way back that leads nowhere nothing is left, which plausible() then refuses.
    const uint64_t back = in.varint();
    if (back != 0 && back < record.offset) record.previous_of_instance = record.offset - back;
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
  if ((fields & kHasOrigin) && (!changes_instance(record.kind) || record.machine.empty())) {
    return false;
  }
  if ((fields & kHasInstanceLink) &&
      (!changes_instance(record.kind) || record.previous_of_instance == 0)) {
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
  const size_t start = out.size();
  out.resize_and_overwrite(start + bytes_max(record), [&](char* bytes, size_t) {
    return static_cast<size_t>(write_record(bytes + start, record, chain) - bytes);
  });
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
