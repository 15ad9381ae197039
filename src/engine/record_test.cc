#include "engine/record.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/bytes.h"

namespace rstmdb::engine {
namespace {

Record sample() {
  Record record;
  record.kind = RecordKind::kApplyEvent;
  record.offset = 7;
  record.ts = 1'700'000'000'123;
  record.batch_index = 1;
  record.batch_size = 3;
  record.actor = "token:ab";
  record.trace_id = "4bf92f";
  record.key = {"key-1", {1, 2}, 1'700'000'100'000, 4};
  record.machine = "order";
  record.version = 300;
  record.instance_id = "order-1";
  record.event = "PAY";
  record.from_state = "created";
  record.to_state = "paid";
  record.previous_of_instance = 5;
  record.event_id = "e-1";
  record.payload = R"({"amount":99.99})";
  record.context = R"({"customer":"alice","amount":99.99})";
  return record;
}

std::string bytes_of(const Record& record, ChainHash& chain) {
  std::string bytes;
  append_record(bytes, record, chain);
  return bytes;
}

void expect_same(const Record& a, const Record& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.offset, b.offset);
  EXPECT_EQ(a.ts, b.ts);
  EXPECT_EQ(a.batch_index, b.batch_index);
  EXPECT_EQ(a.batch_size, b.batch_size);
  EXPECT_EQ(a.actor, b.actor);
  EXPECT_EQ(a.trace_id, b.trace_id);
  EXPECT_EQ(a.key.key, b.key.key);
  EXPECT_EQ(a.key.fingerprint, b.key.fingerprint);
  EXPECT_EQ(a.key.expires_at, b.key.expires_at);
  EXPECT_EQ(a.key.evicted, b.key.evicted);
  EXPECT_EQ(a.machine, b.machine);
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.checksum, b.checksum);
  EXPECT_EQ(a.instance_id, b.instance_id);
  EXPECT_EQ(a.generated_id, b.generated_id);
  EXPECT_EQ(a.event, b.event);
  EXPECT_EQ(a.from_state, b.from_state);
  EXPECT_EQ(a.to_state, b.to_state);
  EXPECT_EQ(a.event_id, b.event_id);
  EXPECT_EQ(a.snapshot_id, b.snapshot_id);
  EXPECT_EQ(a.previous_of_instance, b.previous_of_instance);
  EXPECT_EQ(a.payload, b.payload);
  EXPECT_EQ(a.context, b.context);
}

TEST(Record, EveryKindReadsBackAsItWas) {
  Record put;
  put.kind = RecordKind::kPutMachine;
  put.machine = "order";
  put.version = 3;
  put.checksum = std::string_view("abcdef");
  put.context = R"({"states":["a"]})";
  Record create;
  create.kind = RecordKind::kCreateInstance;
  create.machine = "order";
  create.version = 3;
  create.instance_id = "id";
  create.generated_id = true;
  create.to_state = "a";
  create.context = "{}";
  Record remove;
  remove.kind = RecordKind::kDeleteInstance;
  remove.instance_id = "id";
  remove.machine = "order";
  remove.version = 3;
  remove.from_state = "a";
  remove.offset = 1000;
  remove.previous_of_instance = 1;
  Record snapshot;
  snapshot.kind = RecordKind::kSnapshotInstance;
  snapshot.instance_id = "id";
  snapshot.snapshot_id = "s-1";
  snapshot.context = R"({"state":"a"})";
  Record flush;
  flush.kind = RecordKind::kFlushAll;

  std::string unit;
  ChainHash chain;
  const Record records[] = {put, create, sample(), remove, snapshot, flush};
  for (const Record& record : records) append_record(unit, record, chain);
  ChainHash reading;
  RecordReader reader(unit, reading);
  for (const Record& record : records) {
    const auto read = reader.next();
    ASSERT_TRUE(read.ok()) << read.error().to_string();
    expect_same(*read, record);
  }
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(reading.value, chain.value);
}

/// Two records of release 0.1, as that release has written them.
TEST(Record, RecordsWithoutAnOriginStillRead) {
  Record apply = sample();
  apply.machine = {};
  apply.version = 0;
  apply.previous_of_instance = 0;
  Record remove;
  remove.kind = RecordKind::kDeleteInstance;
  remove.offset = 8;
  remove.instance_id = "id";
  ChainHash chain;
  std::string unit = bytes_of(apply, chain);
  append_record(unit, remove, chain);
  EXPECT_EQ(unit.find("order\xac"), std::string::npos);
  ChainHash reading;
  RecordReader reader(unit, reading);
  for (const Record& record : {apply, remove}) {
    const auto read = reader.next();
    ASSERT_TRUE(read.ok()) << read.error().to_string();
    EXPECT_FALSE(read->has_origin());
    EXPECT_EQ(read->previous_of_instance, 0u);
    expect_same(*read, record);
  }
}

TEST(Record, AnOriginBelongsToEventsAndDeletionsAndIsNeverEmpty) {
  constexpr size_t kFields = 4;  // size takes two bytes, format and kind one each
  Record create;
  create.kind = RecordKind::kCreateInstance;
  create.machine = "order";
  create.instance_id = std::string_view("id");
  const std::string context(200, ' ');  // makes the size two bytes long
  create.context = context;
  ChainHash chain;
  std::string bytes = bytes_of(create, chain);
  bytes[kFields] = static_cast<char>(128);
  ChainHash reading;
  EXPECT_FALSE(RecordReader(bytes, reading).next().ok());

  Record empty = sample();
  ChainHash from_start;
  bytes = bytes_of(empty, from_start);
  const size_t at = bytes.find("\x05order\xac\x02");
  ASSERT_NE(at, std::string::npos);
  bytes.erase(at + 1, 5);
  bytes[at] = 0;
  bytes[0] = static_cast<char>(bytes[0] - 5);  // the size, whose low seven bits have 5 to spare
  ChainHash reading_empty;
  const auto read = RecordReader(bytes, reading_empty).next();
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().detail("reason"), "its fields do not fit its size");
}

/// The way back to the instance's record before stands as one byte behind the origin.
TEST(Record, ALinkThatLeadsNowhereIsRefused) {
  Record record = sample();
  const std::string context(200, ' ');  // makes the size two bytes long
  record.context = context;
  ChainHash chain;
  const std::string good = bytes_of(record, chain);
  const size_t at = good.find("\x05order\xac\x02\x02");
  ASSERT_NE(at, std::string::npos);
  const size_t link = at + 8;
  for (const auto& [back, fits] : {std::pair(1, true),
                                   {2, true},
                                   {6, true},
                                   {0, false},
                                   {7, false},
                                   {8, false},
                                   {127, false}}) {
    std::string bytes = good;
    bytes[link] = static_cast<char>(back);
    ChainHash reading;
    const auto read = RecordReader(bytes, reading).next();
    ASSERT_EQ(read.ok(), fits) << back;
    if (fits) {
      EXPECT_EQ(read->previous_of_instance, record.offset - static_cast<uint64_t>(back));
    } else {
      EXPECT_EQ(read.error().detail("reason"), "its fields do not fit its size");
    }
  }
}

TEST(Record, ALinkBelongsToEventsAndDeletions) {
  constexpr size_t kFields = 4;  // size takes two bytes, format and kind one each
  Record create;
  create.kind = RecordKind::kCreateInstance;
  create.offset = 9;
  create.machine = "order";
  create.instance_id = std::string_view("id");
  create.previous_of_instance = 3;
  const std::string context(200, ' ');
  create.context = context;
  ChainHash chain;
  std::string bytes = bytes_of(create, chain);
  ChainHash reading;
  const auto read = RecordReader(bytes, reading).next();
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->previous_of_instance, 0u) << "it is not written";
  bytes[kFields + 1] = 1;
  ChainHash again;
  EXPECT_FALSE(RecordReader(bytes, again).next().ok());
}

/// The record's bytes with one more optional field in front of the kind's own.
std::string with_field(std::string_view bytes, uint16_t bit, std::string_view field) {
  constexpr size_t kFields = 2;
  constexpr size_t kFixed = 44;
  ByteReader in(bytes);
  const uint64_t size = in.varint();
  std::string body(in.rest());
  store_le<uint16_t>(body.data() + kFields,
                     static_cast<uint16_t>(load_le<uint16_t>(body.data() + kFields) | bit));
  body.insert(kFixed, field);
  std::string out;
  append_varint(out, size + field.size());
  return out + body;
}

TEST(Record, AFieldOfAnotherKindIsRefusedAlsoWhereItsBytesFit) {
  constexpr uint16_t kOrigin = 128;
  constexpr uint16_t kLink = 256;
  Record record;
  record.offset = 7;
  record.instance_id = "id";
  record.machine = "";
  for (const RecordKind kind :
       {RecordKind::kPutMachine, RecordKind::kCreateInstance, RecordKind::kApplyEvent,
        RecordKind::kDeleteInstance, RecordKind::kFlushAll, RecordKind::kSnapshotInstance}) {
    record.kind = kind;
    ChainHash chain;
    const std::string plain = bytes_of(record, chain);
    const bool has_one = kind == RecordKind::kApplyEvent || kind == RecordKind::kDeleteInstance;
    // Machine and version, and of a deletion the state; one record back.
    const std::string origin = kind == RecordKind::kDeleteInstance ? "\1m\1\1a" : "\1m\1";
    for (const std::string& bytes :
         {with_field(plain, kOrigin, origin), with_field(plain, kLink, "\1")}) {
      ChainHash reading;
      const auto read = RecordReader(bytes, reading).next();
      ASSERT_EQ(read.ok(), has_one) << static_cast<int>(kind);
      if (has_one) continue;
      EXPECT_EQ(read.error().detail("code"), "RECORD_DAMAGED");
      EXPECT_EQ(read.error().detail("reason"), "its fields do not fit its size");
    }
  }
}

RC_GTEST_PROP(Record, AnyTextsReadBackAsTheyWere,
              (const std::string& id, const std::string& event, const std::string& payload,
               const std::string& context, const std::string& key, uint64_t offset,
               uint64_t previous)) {
  Record record = sample();
  record.instance_id = id;
  record.event = event;
  record.payload = payload;
  record.context = context;
  record.key.key = key;
  if (key.empty()) record.key = {};
  record.offset = offset;
  record.previous_of_instance = offset == 0 ? 0 : previous % offset;
  ChainHash chain;
  const std::string bytes = bytes_of(record, chain);
  ChainHash reading;
  const auto read = RecordReader(bytes, reading).next();
  RC_ASSERT(read.ok());
  expect_same(*read, record);
}

TEST(Record, LargeRecordsReadBack) {
  Record record = sample();
  const std::string context = "{\"x\":\"" + std::string(1 << 20, 'y') + "\"}";
  record.context = context;
  ChainHash chain;
  const std::string bytes = bytes_of(record, chain);
  ChainHash reading;
  const auto read = RecordReader(bytes, reading).next();
  ASSERT_TRUE(read.ok());
  expect_same(*read, record);
}

TEST(Record, EveryFlippedBitOfTheRecordBeforeBreaksTheChain) {
  ChainHash chain;
  std::string unit = bytes_of(sample(), chain);
  const size_t first = unit.size();
  append_record(unit, sample(), chain);
  size_t detected = 0;
  for (size_t bit = 0; bit < first * 8; ++bit) {
    std::string flipped = unit;
    flipped[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    ChainHash reading;
    RecordReader reader(flipped, reading);
    bool refused = false;
    while (!refused && !reader.at_end()) refused = !reader.next().ok();
    EXPECT_TRUE(refused) << "bit " << bit;
    detected += refused;
  }
  EXPECT_EQ(detected, first * 8);
}

TEST(Record, EveryCutIsRefused) {
  ChainHash chain;
  const std::string bytes = bytes_of(sample(), chain);
  for (size_t size = 0; size < bytes.size(); ++size) {
    ChainHash reading;
    RecordReader reader(std::string_view(bytes).substr(0, size), reading);
    if (size == 0) {
      EXPECT_TRUE(reader.at_end());
      continue;
    }
    const auto read = reader.next();
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().detail("code"), "RECORD_DAMAGED");
  }
}

TEST(Record, NewerFormatsAreNamedAsSuch) {
  ChainHash chain;
  std::string bytes = bytes_of(sample(), chain);
  // The size of a small record takes two bytes; the format byte follows.
  bytes[2] = 2;
  ChainHash reading;
  const auto read = RecordReader(bytes, reading).next();
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().detail("code"), "RECORD_UNKNOWN_FORMAT");
}

TEST(Record, NumbersOfMoreThan32BitsAreRefusedNotCut) {
  Record record = sample();
  record.key.evicted = UINT32_MAX;
  ChainHash chain;
  std::string bytes = bytes_of(record, chain);
  const std::string most = "\xff\xff\xff\xff\x0f";
  const size_t at = bytes.find(most);
  ASSERT_NE(at, std::string::npos);
  bytes[at + 4] = 0x1f;
  ChainHash reading;
  const auto read = RecordReader(bytes, reading).next();
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().detail("code"), "RECORD_DAMAGED");
}

TEST(Record, AReaderInTheMiddleAdoptsTheChain) {
  ChainHash chain;
  bytes_of(sample(), chain);
  const std::string second = bytes_of(sample(), chain);
  ChainHash fresh;
  EXPECT_FALSE(RecordReader(second, fresh).next().ok());
  ChainHash adopting;
  RecordReader reader(second, adopting);
  reader.adopt_chain();
  EXPECT_TRUE(reader.next().ok());
  EXPECT_EQ(adopting.value, chain.value);
}

/// Whether the optional field of this bit is there, when the record has been taken.
bool says_what_it_announces(const Record& record, int bit) {
  switch (bit) {
    case 0:
      return record.batch_index < record.batch_size;
    case 1:
      return !record.actor.empty();
    case 2:
      return !record.trace_id.empty();
    case 3:
      return !record.key.key.empty();
    case 4:
      return !record.event_id.empty();
    case 5:
      return !record.payload.empty();
    case 6:
      return record.generated_id;
    default:
      return !record.machine.empty();
  }
}

TEST(Record, OptionalFieldsThatSayNothingAreRefusedWhereverTheyStand) {
  const std::string id(140, 'i');  // so that the size takes two bytes
  Record plain;
  plain.kind = RecordKind::kApplyEvent;
  plain.offset = 7;
  plain.instance_id = id;
  plain.event = "PAY";
  plain.from_state = plain.to_state = "a";
  plain.context = "{}";
  for (const RecordKind kind : {RecordKind::kApplyEvent, RecordKind::kCreateInstance,
                                RecordKind::kDeleteInstance, RecordKind::kSnapshotInstance}) {
    plain.kind = kind;
    plain.machine = kind == RecordKind::kCreateInstance ? "m" : "";
    ChainHash chain;
    const std::string good = bytes_of(plain, chain);
    for (int bit = 0; bit < 8; ++bit) {
      for (size_t at = 6; at <= good.size(); ++at) {
        std::string bytes = good;
        bytes[4] = static_cast<char>(bytes[4] ^ (1 << bit));
        bytes.insert(at, 1, '\0');
        bytes[0] = static_cast<char>(bytes[0] + 1);
        ChainHash reading;
        const auto read = RecordReader(bytes, reading).next();
        if (read.ok()) {
          EXPECT_TRUE(says_what_it_announces(*read, bit)) << "bit " << bit << " at " << at;
        }
        bytes.erase(at, 1);
        bytes[0] = static_cast<char>(bytes[0] - 1);
        ChainHash again;
        // A chosen id and one that a client has given are told apart by nothing but the bit.
        const bool chosen = kind == RecordKind::kCreateInstance && bit == 6;
        EXPECT_EQ(RecordReader(bytes, again).next().ok(), chosen) << "bit " << bit;
      }
    }
  }
}

TEST(Record, KindsAndSizesThatCannotBeAreRefused) {
  ChainHash chain;
  const std::string good = bytes_of(sample(), chain);
  for (const char kind : {0, 7, 127}) {
    std::string bytes = good;
    bytes[3] = kind;
    ChainHash reading;
    const auto read = RecordReader(bytes, reading).next();
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().detail("code"), "RECORD_UNKNOWN_FORMAT");
  }
  for (const unsigned bit : {9u, 10u, 11u, 12u, 13u, 14u, 15u}) {
    std::string bytes = good;  // its fields stand behind size, format and kind
    bytes[4 + bit / 8] = static_cast<char>(bytes[4 + bit / 8] ^ (1 << bit % 8));
    ChainHash reading;
    const auto read = RecordReader(bytes, reading).next();
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().detail("code"), "RECORD_UNKNOWN_FORMAT") << bit;
  }
  for (const std::string& bytes : {std::string("\x05hello"), std::string(1, '\0')}) {
    ChainHash reading;
    const auto read = RecordReader(bytes, reading).next();
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().detail("code"), "RECORD_DAMAGED");
    EXPECT_EQ(read.error().detail("reason"), "its size is impossible");
    EXPECT_EQ(read.error().detail_number("byte", -1), 0);
  }
}

}  // namespace
}  // namespace rstmdb::engine
