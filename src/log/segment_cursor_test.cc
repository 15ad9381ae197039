// What cursors find in segments that were right when the log was opened and have been hurt since:
// headers with a right checksum that lie, files that have become shorter, reads that fail.
#include "log/segment_cursor.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "io/simulated_file_system.h"
#include "log/damage.h"
#include "log/log_test_support.h"
#include "log/segment_recovery.h"

namespace rstmdb::log {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;

const std::string kFolder = "/data/log";
constexpr size_t kUnitBytes = 30;

class SegmentCursors : public testing::Test {
 protected:
  /// Three segments; in each group two units, of one record and of two.
  void SetUp() override {
    {
      LogBench bench(files_, kFolder);
      bench.segment_bytes = 420;
      const auto log = bench.open_well();
      for (int group = 0; group < 5; ++group) {
        for (const uint32_t records : {1u, 2u})
          ASSERT_TRUE(append_one(*log, records, kUnitBytes).ok());
        log->flush();
      }
    }
    files_.kill();
    auto recovered = recover(files_, kFolder, {}, io::Ahead::kInline);
    ASSERT_TRUE(recovered.ok()) << recovered.error().to_string();
    ASSERT_EQ(recovered->segments.size(), 3u);
    seed_ = group_seed(recovered->end.database);
    shelf_ = std::make_shared<Shelf>(files_, seed_);
    for (Segment& segment : recovered->segments) shelf_->add_segment(std::move(segment));
    shelf_->set_committed(recovered->end.next_offset - 1);
    path_ = shelf_->segment(2).path;
    bytes_ = files_.content(path_);
    group_at_ = bytes_.find(kGroupMagic);
    unit_at_ = group_at_ + kGroupHeaderBytes;
    second_unit_at_ = unit_at_ + kUnitHeaderBytes + kUnitBytes;
  }

  /// Everything from the beginning, each header and unit by a read of its own.
  Result<size_t> read_on(size_t read_bytes = 1) {
    SegmentCursor cursor(shelf_, 1, read_bytes);
    for (size_t units = 0;; ++units) {
      RSTMDB_ASSIGN(const std::optional<Unit> unit, cursor.next());
      if (!unit) return units;
      EXPECT_EQ(unit->bytes, unit_text(unit->first_offset, unit->record_count, kUnitBytes));
    }
  }
  /// The byte of the middle segment that is refused after `hurt`; -1: none.
  int64_t byte_refused(const std::function<void(std::string&)>& hurt) {
    std::string bytes = bytes_;
    hurt(bytes);
    files_.put(path_, bytes);
    const auto units = read_on();
    files_.put(path_, bytes_);
    if (units.ok()) return -1;
    EXPECT_EQ(units.error().code(), Code::kWalIoError);
    EXPECT_EQ(units.error().detail("code"), kLogDamaged);
    EXPECT_EQ(units.error().detail("file"), path_);
    return units.error().detail_number("byte", -1);
  }
  template <class T>
  int64_t refused_with_header(size_t at, T value) {
    return byte_refused([&](std::string& bytes) {
      store_le(bytes.data() + group_at_ + at, value);
      const auto header = std::string_view(bytes).substr(group_at_, 60);
      store_le(bytes.data() + group_at_ + 60, crc32c(header, seed_));
    });
  }
  template <class T>
  int64_t refused_with(size_t at, T value) {
    return byte_refused([&](std::string& bytes) { store_le(bytes.data() + at, value); });
  }

  SimulatedFileSystem files_;
  std::shared_ptr<Shelf> shelf_;
  uint32_t seed_ = 0;
  std::string path_;      // of the middle segment
  std::string bytes_;     // of it
  int64_t group_at_ = 0;  // the first one in it
  int64_t unit_at_ = 0;
  int64_t second_unit_at_ = 0;
};

TEST_F(SegmentCursors, read_what_is_whole) {
  EXPECT_EQ(read_on().value(), 10u);
  EXPECT_EQ(read_on(SegmentCursor::kReadBytes).value(), 10u);
  EXPECT_EQ(byte_refused([](std::string&) {}), -1);
}

TEST_F(SegmentCursors, compare_what_a_groups_header_says) {
  EXPECT_EQ(refused_with<uint32_t>(group_at_ + 60, 1), group_at_) << "its checksum";
  EXPECT_EQ(refused_with_header<uint64_t>(24, 1), group_at_) << "first offset";
  EXPECT_EQ(refused_with_header<uint32_t>(40, 1u << 30), group_at_) << "bytes behind the segment";
  EXPECT_EQ(refused_with_header<uint32_t>(36, 1), second_unit_at_) << "fewer units than bytes";
  EXPECT_EQ(refused_with_header<uint32_t>(40, 3), unit_at_) << "fewer bytes than units";
}

TEST_F(SegmentCursors, compare_what_a_units_header_says) {
  EXPECT_EQ(refused_with<uint32_t>(second_unit_at_, 1u << 20), second_unit_at_) << "bytes";
  EXPECT_EQ(refused_with<uint32_t>(second_unit_at_ + 4, 0), second_unit_at_) << "no records";
  EXPECT_EQ(refused_with<uint32_t>(unit_at_ + 8, 1), unit_at_) << "its checksum";
  EXPECT_EQ(refused_with<uint8_t>(unit_at_ + 12, 1), unit_at_) << "its first byte";
}

TEST_F(SegmentCursors, looking_for_one_unit_find_what_is_wrong_with_it) {
  std::string bytes = bytes_;
  bytes[second_unit_at_ + kUnitHeaderBytes] ^= 1;
  files_.put(path_, bytes);
  SegmentLookup lookup(shelf_);
  const Offset first = shelf_->segment(2).first_offset;
  EXPECT_TRUE(lookup.unit_of(first).ok());
  const auto unit = lookup.unit_of(first + 1);
  ASSERT_FALSE(unit.ok());
  EXPECT_EQ(unit.error().detail("file"), path_);
  EXPECT_EQ(unit.error().detail_number("byte", -1), second_unit_at_);
}

TEST_F(SegmentCursors, say_where_a_file_has_become_shorter) {
  const auto cut_to = [this](int64_t size) {
    return byte_refused([size](std::string& bytes) { bytes.resize(static_cast<size_t>(size)); });
  };
  EXPECT_EQ(cut_to(0), group_at_);
  EXPECT_EQ(cut_to(group_at_ + 63), group_at_);
  EXPECT_EQ(cut_to(unit_at_ + 11), unit_at_);
  EXPECT_EQ(cut_to(second_unit_at_ - 1), unit_at_);
}

TEST_F(SegmentCursors, miss_a_record_that_was_committed) {
  const Offset last = shelf_->committed();
  shelf_->set_committed(last + 1);
  const auto units = read_on();
  ASSERT_FALSE(units.ok());
  EXPECT_EQ(units.error().detail("code"), kLogDamaged);
  EXPECT_EQ(units.error().detail("file"), shelf_->segment(3).path);
  EXPECT_EQ(units.error().detail_number("byte", -1), static_cast<int64_t>(shelf_->segment(3).end));
}

TEST_F(SegmentCursors, pass_on_whichever_call_fails) {
  const uint64_t before = files_.calls();
  ASSERT_TRUE(read_on().ok());
  const uint64_t calls = files_.calls() - before;
  EXPECT_GT(calls, 20u);
  for (uint64_t nth = 1; nth <= calls; ++nth) {
    files_.inject({.nth = nth, .error_number = ENOMEM});
    const auto units = read_on();
    files_.clear_faults();
    ASSERT_FALSE(units.ok()) << nth;
    EXPECT_EQ(units.error().detail_number("errno", 0), ENOMEM) << nth;
  }
  EXPECT_EQ(read_on().value(), 10u);
}

}  // namespace
}  // namespace rstmdb::log
