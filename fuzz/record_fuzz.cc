// Records in three ways, chosen by the first byte of the input:
//   0  arbitrary bytes as a unit: reading ends at the end or with a named reason
//   1  records made from the input, written and read back: all the same, down to their bytes, and
//      the chain ends where it did
//   2  the same with some of the bytes changed: what is still accepted is written again without
//      growing, and the reader stays inside the unit
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "engine/record.h"

namespace rstmdb::engine {
namespace {

/// Takes fields off the front of the input; zeros and "" when it is used up.
class Source {
 public:
  explicit Source(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  uint64_t number() {
    uint64_t value = 0;
    for (unsigned width = byte() % 9; width > 0; --width) value = value << 8 | byte();
    return value;
  }
  std::string_view text() {
    const size_t size = std::min<size_t>(rest_.size(), byte() < 250 ? byte() % 32 : number());
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view some_text() {
    const std::string_view taken = text();
    return taken.empty() ? "x" : taken;
  }

 private:
  std::string_view rest_;
};

void fill_own(Source& in, Record& record, uint8_t wanted) {
  switch (record.kind) {
    case RecordKind::kPutMachine:
      record.machine = in.text();
      record.version = static_cast<uint32_t>(in.number());
      record.checksum = in.text();
      record.context = in.text();
      break;
    case RecordKind::kCreateInstance:
      record.generated_id = (wanted & 16) != 0;
      record.instance_id = in.text();
      record.machine = in.text();
      record.version = static_cast<uint32_t>(in.number());
      record.to_state = in.text();
      record.context = in.text();
      break;
    case RecordKind::kApplyEvent:
      record.instance_id = in.text();
      record.event = in.text();
      record.from_state = in.text();
      record.to_state = in.text();
      if (wanted & 16) record.event_id = in.some_text();
      if (wanted & 32) record.payload = in.some_text();
      record.context = in.text();
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

/// A record such as the sequencer could write; what it leaves out is at its default.
Record make_record(Source& in) {
  Record record;
  record.kind = static_cast<RecordKind>(1 + in.byte() % 6);
  record.offset = in.number();
  record.ts = static_cast<int64_t>(in.number());
  const uint8_t wanted = in.byte();
  if (wanted & 1) {
    record.batch_index = static_cast<uint32_t>(in.number() % UINT32_MAX);
    record.batch_size =
        record.batch_index + 1 +
        static_cast<uint32_t>(in.number() % (UINT32_MAX - uint64_t{record.batch_index}));
  }
  if (wanted & 2) record.actor = in.some_text();
  if (wanted & 4) record.trace_id = in.some_text();
  if (wanted & 8) {
    record.key.key = in.some_text();
    record.key.fingerprint = {in.number(), in.number()};
    record.key.expires_at = static_cast<int64_t>(in.number());
    record.key.evicted = static_cast<uint32_t>(in.number());
  }
  fill_own(in, record, wanted);
  return record;
}

void check_same(const Record& a, const Record& b) {
  RSTMDB_CHECK(a.kind == b.kind && a.offset == b.offset && a.ts == b.ts, "position");
  RSTMDB_CHECK(a.batch_index == b.batch_index && a.batch_size == b.batch_size, "batch");
  RSTMDB_CHECK(a.actor == b.actor && a.trace_id == b.trace_id, "who asked");
  RSTMDB_CHECK(a.key.key == b.key.key && a.key.fingerprint == b.key.fingerprint, "key");
  RSTMDB_CHECK(a.key.expires_at == b.key.expires_at && a.key.evicted == b.key.evicted, "key");
  RSTMDB_CHECK(a.machine == b.machine && a.version == b.version, "machine");
  RSTMDB_CHECK(a.checksum == b.checksum && a.generated_id == b.generated_id, "checksum, id");
  RSTMDB_CHECK(a.instance_id == b.instance_id && a.event == b.event, "instance, event");
  RSTMDB_CHECK(a.from_state == b.from_state && a.to_state == b.to_state, "states");
  RSTMDB_CHECK(a.event_id == b.event_id, "event id");
  RSTMDB_CHECK(a.payload == b.payload && a.context == b.context, "contents");
}

void check_refusal(const Error& error, size_t unit_bytes) {
  RSTMDB_CHECK(error.code() == Code::kInternalError, error.to_string());
  const std::string_view code = error.detail("code");
  RSTMDB_CHECK(code == "RECORD_DAMAGED" || code == "RECORD_UNKNOWN_FORMAT", error.to_string());
  const int64_t byte = error.detail_number("byte", -1);
  RSTMDB_CHECK(byte >= 0 && byte < static_cast<int64_t>(unit_bytes), error.to_string());
  RSTMDB_CHECK(!error.detail("reason").empty(), error.to_string());
}

void check_inside(std::string_view part, std::string_view unit) {
  if (part.empty()) return;
  RSTMDB_CHECK(part.data() >= unit.data() && part.data() + part.size() <= unit.data() + unit.size(),
               "a text outside the unit");
}

/// Reads `unit` as far as it can be read.
void read_any(std::string_view unit) {
  ChainHash chain;
  RecordReader reader(unit, chain);
  reader.adopt_chain();
  size_t position = 0;
  while (!reader.at_end()) {
    ChainHash before = chain;
    const auto record = reader.next();
    if (!record.ok()) return check_refusal(record.error(), unit.size());
    for (const std::string_view text :
         {record->actor, record->trace_id, record->key.key, record->machine, record->checksum,
          record->instance_id, record->event, record->from_state, record->to_state,
          record->event_id, record->payload, record->context}) {
      check_inside(text, unit);
    }
    // Each record has one form. The first one's link is its own affair: the reader has adopted it.
    std::string again;
    append_record(again, *record, before);
    const std::string_view read = unit.substr(position, again.size());
    RSTMDB_CHECK(position == 0 ? read.size() == again.size() : read == again,
                 "a record that is not as it would be written");
    position += again.size();
    again.clear();
    ChainHash fresh;
    append_record(again, *record, fresh);
    ChainHash start;
    const auto back = RecordReader(again, start).next();
    RSTMDB_CHECK(back.ok(), back.error().to_string());
    check_same(*record, *back);
  }
}

std::string write_and_read(Source& in) {
  std::string unit;
  ChainHash written;
  std::vector<Record> records;
  do {
    records.push_back(make_record(in));
    append_record(unit, records.back(), written);
  } while (!in.empty() && records.size() < 16);
  ChainHash read;
  RecordReader reader(unit, read);
  std::string again;
  ChainHash chain;
  for (const Record& record : records) {
    RSTMDB_CHECK(!reader.at_end(), "fewer records than written");
    const auto back = reader.next();
    RSTMDB_CHECK(back.ok(), back.error().to_string());
    check_same(record, *back);
    append_record(again, *back, chain);
  }
  RSTMDB_CHECK(reader.at_end() && read.value == written.value, "the chain ends elsewhere");
  RSTMDB_CHECK(again == unit, "other bytes when written again");
  return unit;
}

}  // namespace
}  // namespace rstmdb::engine

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb::engine;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  if (bytes[0] % 3 == 0) {
    read_any(input);
    return 0;
  }
  Source in(input);
  Source changes(bytes[0] % 3 == 2 ? input.substr(0, 12) : std::string_view());
  if (bytes[0] % 3 == 2) in = Source(input.substr(std::min<size_t>(input.size(), 12)));
  std::string unit = write_and_read(in);
  while (!changes.empty()) {
    const size_t at = changes.byte() % std::min<size_t>(unit.size(), 128);
    unit[at] = static_cast<char>(changes.byte());
    read_any(unit);
  }
  return 0;
}
