// Headers that are intact and lie: each field of a segment's and of a group's header with another
// value and a checksum that is right, and bodies whose units do not add up.
#include <gtest/gtest.h>

#include <functional>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "io/simulated_file_system.h"
#include "log/damage.h"
#include "log/log_test_support.h"
#include "log/segment_format.h"

namespace rstmdb::log {
namespace {

using io::SimulatedFileSystem;

const std::string kFolder = "/data/log";
constexpr uint64_t kBeyond = limits::kOffsetMax + 1;

class SegmentHeaders : public testing::Test {
 protected:
  void SetUp() override {
    {
      LogBench bench(files_, kFolder);
      bench.segment_bytes = 420;
      auto log = bench.open_well();
      for (int i = 0; i < 4; ++i) {
        ASSERT_TRUE(append_one(*log, 1, 60).ok());
        ASSERT_TRUE(append_one(*log, 1, 30).ok());
        log->flush();
      }
    }
    files_.kill();
    for (const std::string& path : files_.paths())
      if (path.ends_with(".seg")) last_ = path;
    bytes_ = files_.content(last_);
    group_at_ = bytes_.rfind(kGroupMagic);
    DatabaseId database;
    std::copy_n(bytes_.data() + 16, database.size(), database.data());
    seed_ = group_seed(database);
  }

  static void seal(std::string& bytes, size_t at, uint32_t seed) {
    store_le(bytes.data() + at + 60, crc32c(std::string_view(bytes).substr(at, 60), seed));
  }

  /// What a start says to the last segment after `lie`.
  std::string_view code_after(const std::function<void(std::string&)>& lie) {
    std::string bytes = bytes_;
    lie(bytes);
    const auto files = files_.clone();
    files->put(last_, bytes);
    LogBench bench(*files, kFolder);
    const auto opened = bench.open();
    if (opened.ok()) return code_ = opened->recovery.torn_bytes != 0 ? "torn" : "taken";
    EXPECT_EQ(opened.error().detail("file"), last_);
    return code_ = opened.error().detail("code");
  }
  template <class T>
  std::string_view segment_with(size_t at, T value) {
    return code_after([&](std::string& bytes) {
      store_le(bytes.data() + at, value);
      seal(bytes, 0, 0);
    });
  }
  template <class T>
  std::string_view group_with(size_t at, T value) {
    return code_after([&](std::string& bytes) {
      store_le(bytes.data() + group_at_ + at, value);
      seal(bytes, group_at_, seed_);
    });
  }
  /// With the last group's body changed and its own checksum mended.
  std::string_view body_with(const std::function<void(std::string& body)>& lie) {
    return code_after([&](std::string& bytes) {
      std::string body = bytes.substr(group_at_ + kGroupHeaderBytes);
      lie(body);
      bytes.resize(group_at_ + kGroupHeaderBytes);
      bytes += body;
      store_le(bytes.data() + group_at_ + 40, static_cast<uint32_t>(body.size()));
      store_le(bytes.data() + group_at_ + 48, crc32c(body));
      seal(bytes, group_at_, seed_);
    });
  }

  SimulatedFileSystem files_;
  std::string last_;
  std::string bytes_;
  size_t group_at_ = 0;
  uint32_t seed_ = 0;
  std::string code_;
};

TEST_F(SegmentHeaders, every_field_of_a_segments_header_is_compared) {
  EXPECT_EQ(segment_with<uint32_t>(8, 2), kLogUnknownVersion);
  EXPECT_EQ(segment_with<uint32_t>(12, 65), kLogUnknownVersion);
  EXPECT_EQ(segment_with<uint64_t>(16, 1), kLogDamaged) << "another database";
  for (const size_t at : {32u, 40u, 48u}) {
    const auto now = load_le<uint64_t>(bytes_.data() + at);
    for (const uint64_t value : {uint64_t{0}, kBeyond, now + 1, now - 1})
      EXPECT_EQ(segment_with<uint64_t>(at, value), kLogDamaged) << at << " = " << value;
  }
  EXPECT_EQ(segment_with<uint32_t>(56, 1), kLogDamaged) << "chain";
}

// A segment that has just been begun: no group in it names the header's checksum as what it
// follows.
TEST_F(SegmentHeaders, every_field_is_compared_also_when_no_group_follows) {
  bytes_.resize(kSegmentHeaderBytes);
  EXPECT_EQ(code_after([](std::string&) {}), "taken");
  for (const size_t at : {16u, 32u, 40u, 48u, 56u}) {
    const auto now = load_le<uint32_t>(bytes_.data() + at);
    EXPECT_EQ(segment_with<uint32_t>(at, now + 1), kLogDamaged) << at;
  }
}

TEST_F(SegmentHeaders, every_field_of_a_groups_header_is_compared) {
  EXPECT_EQ(group_with<uint32_t>(4, 0), kLogUnknownVersion);
  EXPECT_EQ(group_with<uint32_t>(4, 4), kLogUnknownVersion);
  EXPECT_EQ(group_with<uint64_t>(52, 1), kLogUnknownVersion);
  const auto number = load_le<uint64_t>(bytes_.data() + group_at_ + 8);
  EXPECT_EQ(group_with<uint64_t>(8, number + 1), kLogDamaged);
  EXPECT_EQ(group_with<uint64_t>(16, number), kLogDamaged) << "on disk before it was written";
  EXPECT_EQ(group_with<uint64_t>(24, 1), kLogDamaged);
  EXPECT_EQ(group_with<uint32_t>(32, 5), kLogDamaged) << "records";
  EXPECT_EQ(group_with<uint32_t>(36, 5), kLogDamaged) << "units";
  EXPECT_EQ(group_with<uint32_t>(40, 1u << 30), "torn") << "body bytes behind the file's end";
  EXPECT_EQ(group_with<uint32_t>(44, 7), kLogDamaged) << "chain";
  EXPECT_EQ(group_with<uint32_t>(48, 7), "torn") << "checksum of the body";
  EXPECT_EQ(group_with<uint32_t>(4, 2), kLogDamaged) << "a mark with units";
}

TEST_F(SegmentHeaders, units_have_to_add_up) {
  EXPECT_EQ(body_with([](std::string&) {}), "taken");
  EXPECT_EQ(body_with([](std::string& body) { store_le<uint32_t>(body.data() + 4, 0); }),
            kLogDamaged)
      << "a unit without records";
  EXPECT_EQ(body_with([](std::string& body) { store_le<uint32_t>(body.data(), 1u << 20); }),
            kLogDamaged)
      << "a unit that is longer than its group";
  EXPECT_EQ(body_with([](std::string& body) { body.push_back('x'); }), kLogDamaged);
  EXPECT_EQ(body_with([](std::string& body) { body.clear(); }), kLogDamaged);
}

/// A segment that begins with the largest offset, and one group of `records` records in it.
std::string at_the_last_offset(GroupKind kind, uint32_t records) {
  std::string segment(kSegmentHeaderBytes, '\0');
  const uint32_t chain =
      encode(SegmentHeader{.number = 1, .first_offset = limits::kOffsetMax, .first_group = 1},
             segment.data());
  std::string body;
  if (records != 0) append_unit(body, {limits::kOffsetMax, records, "unit"});
  std::string header(kGroupHeaderBytes, '\0');
  encode(GroupHeader{.kind = kind,
                     .number = 1,
                     .first_offset = limits::kOffsetMax,
                     .record_count = records,
                     .unit_count = records != 0,
                     .body_bytes = static_cast<uint32_t>(body.size()),
                     .chain = chain,
                     .body_crc = crc32c(body)},
         group_seed({}), header.data());
  return segment + header + body;
}

TEST(SegmentOffsets, end_where_the_bound_says) {
  const std::string path = kFolder + "/" + segment_name(limits::kOffsetMax);
  SimulatedFileSystem files;
  ASSERT_TRUE(files.make_folder(kFolder).ok());
  LogBench bench(files, kFolder);
  files.put(path, at_the_last_offset(GroupKind::kOpened, 0));
  EXPECT_EQ(bench.open_well()->next_offset(), limits::kOffsetMax);
  for (const uint32_t records : {1u, 2u, UINT32_MAX}) {
    files.kill();
    files.put(path, at_the_last_offset(GroupKind::kUnits, records));
    const auto opened = bench.open();
    ASSERT_FALSE(opened.ok()) << records;
    EXPECT_EQ(opened.error().detail("code"), kLogDamaged);
    EXPECT_EQ(opened.error().detail("file"), path);
    EXPECT_EQ(opened.error().detail_number("byte", -1), static_cast<int64_t>(kSegmentHeaderBytes));
  }
}

TEST(SegmentNames, of_another_form_are_none) {
  EXPECT_EQ(parse_segment_name(segment_name(UINT64_MAX)), UINT64_MAX);
  for (const std::string_view name :
       {"00000000000000000001.sea", "0000000000000000000/.seg", "0000000000000000000:.seg",
        "18446744073709551616.seg", "99999999999999999999.seg", "1.seg", ".seg", ""})
    EXPECT_EQ(parse_segment_name(name), std::nullopt) << name;
}

}  // namespace
}  // namespace rstmdb::log
