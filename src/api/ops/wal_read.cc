#include "api/ops/ops.h"
#include "base/hash.h"
#include "watch/unreadable.h"

namespace rstmdb::api {
namespace {

using P = params::WalReadParam;
using engine::Record;
using engine::RecordKind;

void write_key(json::Writer& result, const Record& record) {
  if (!record.key.key.empty()) result.member("idempotency_key", record.key.key);
}

void write_own(json::Writer& result, const Record& record) {
  switch (record.kind) {
    case RecordKind::kPutMachine:
      result.member("type", "put_machine")
          .member("machine", record.machine)
          .member("version", record.version)
          .member("definition_hash", record.checksum)
          .member("definition", json::RawJson{record.context});
      return;
    case RecordKind::kCreateInstance:
      result.member("type", "create_instance")
          .member("instance_id", record.instance_id)
          .member("machine", record.machine)
          .member("version", record.version)
          .member("initial_state", record.to_state)
          .member("initial_ctx", json::RawJson{record.context});
      return write_key(result, record);
    case RecordKind::kApplyEvent:
      result.member("type", "apply_event")
          .member("instance_id", record.instance_id)
          .member("event", record.event)
          .member("from_state", record.from_state)
          .member("to_state", record.to_state)
          .member("payload", json::RawJson{record.payload.empty() ? "{}" : record.payload})
          .member("ctx", json::RawJson{record.context});
      if (!record.event_id.empty()) result.member("event_id", record.event_id);
      return write_key(result, record);
    case RecordKind::kDeleteInstance:
      result.member("type", "delete_instance").member("instance_id", record.instance_id);
      return write_key(result, record);
    case RecordKind::kSnapshotInstance:
      result.member("type", "snapshot")
          .member("instance_id", record.instance_id)
          .member("snapshot_id", record.snapshot_id)
          .member("size_bytes", record.context.size())
          .member("checksum", std::string_view(sha256_hex(record.context)))
          .member("instance", json::RawJson{record.context});
      return;
    case RecordKind::kFlushAll:
      result.member("type", "flush_all");
      return;
  }
}

void write_record(json::Writer& result, const Record& record) {
  result.open_object()
      .member("sequence", record.offset)
      .member("offset", record.offset)
      .key("entry")
      .open_object();
  write_own(result, record);
  result.member("ts", record.ts);
  if (!record.actor.empty()) result.member("actor", record.actor);
  if (record.batch_size > 0) {
    result.member("batch_index", record.batch_index).member("batch_size", record.batch_size);
  }
  result.close_object().close_object();
}

/// Writes records from `from` until one of the bounds is reached; returns the offset of the first
/// one left out.
Result<uint64_t> write_records(log::Cursor& cursor, uint64_t from, uint64_t limit,
                               json::Writer& result) {
  engine::ChainHash chain;
  uint64_t next = from;
  uint64_t count = 0;
  size_t bytes = 0;
  bool first_unit = true;
  while (count < limit && bytes < limits::kLogReadBytesMax) {
    RSTMDB_ASSIGN(const auto unit, cursor.next());
    if (!unit) break;
    engine::RecordReader reader(unit->bytes, chain);
    if (first_unit) reader.adopt_chain();
    first_unit = false;
    while (!reader.at_end() && count < limit && bytes < limits::kLogReadBytesMax) {
      RSTMDB_ASSIGN(const Record record, reader.next());
      if (record.offset < from) continue;
      write_record(result, record);
      bytes += record.context.size() + record.payload.size();
      next = record.offset + 1;
      ++count;
    }
  }
  return next;
}

}  // namespace

Result<DependsOn> wal_read(const Context& context, const Params& params, json::Writer& result) {
  log::Log& log = context.node.log();
  uint64_t from = params.number(P::kFromOffset);
  if (from == 0) from = log.stats().oldest_offset;
  if (from == 0) from = log.next_offset();  // behind an import the log has no record yet
  result.key("records").open_array();
  uint64_t next = from;
  if (from <= log.committed()) {
    const auto cursor = log.read_from(from);
    if (!cursor.ok()) return watch::unreadable_for("WAL_READ", cursor.error());
    const auto written = write_records(**cursor, from, params.number(P::kLimit), result);
    if (!written.ok()) return watch::unreadable_for("WAL_READ", written.error());
    next = *written;
  }
  result.close_array();
  if (next <= log.committed()) {
    result.member("next_offset", next);
  } else {
    result.key("next_offset").null();
  }
  return DependsOn{};
}

}  // namespace rstmdb::api
