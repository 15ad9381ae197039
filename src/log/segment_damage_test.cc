// Every way in which a log folder can be hurt: what is recovered, what is refused.
#include <gtest/gtest.h>

#include <cstdio>

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

/// A small log of several segments on a disk, with what it holds.
struct Sample {
  SimulatedFileSystem files;
  std::vector<std::string> segments;  // paths
  std::vector<OwnedUnit> units;
  uint64_t last_group_at = 0;  // in the last segment
  size_t units_before_last_group = 0;
};

enum class End { kKilled, kClosed };

std::unique_ptr<Sample> make_sample(End end, uint64_t random_seed = 1) {
  auto sample = std::make_unique<Sample>();
  LogBench bench(sample->files, kFolder);
  bench.segment_bytes = 420;
  bench.random = CountingRandom(random_seed);
  auto log = bench.open_well();
  for (uint32_t group = 0; group < 5; ++group) {
    sample->last_group_at = 0;
    sample->units_before_last_group = read_units(*log).value().size();
    for (uint32_t i = 0; i < 2; ++i) EXPECT_TRUE(append_one(*log, 1 + i, 30).ok());
    log->flush();
  }
  sample->units = read_units(*log).value();
  if (end == End::kClosed) {
    EXPECT_TRUE(log->close().ok());
  }
  log.reset();
  sample->files.kill();
  for (const std::string& path : sample->files.paths())
    if (path.ends_with(".seg")) sample->segments.push_back(path);
  EXPECT_EQ(sample->segments.size(), 3u);
  const std::string last = sample->files.content(sample->segments.back());
  sample->last_group_at = last.rfind(kGroupMagic);
  return sample;
}

/// Opens the log on `files` and reads all of it, checking that it is a prefix of the sample.
/// Returns the number of units, or the error that refused.
Result<size_t> recovered_units(SimulatedFileSystem& files, const Sample& sample,
                               Recovery* recovery = nullptr) {
  LogBench bench(files, kFolder);
  auto opened = bench.open();
  if (!opened.ok()) return std::move(opened).error();
  if (recovery != nullptr) *recovery = opened->recovery;
  RSTMDB_ASSIGN(const std::vector<OwnedUnit> units,
                read_units(*opened->log, opened->log->stats().oldest_offset));
  EXPECT_LE(units.size(), sample.units.size());
  for (size_t i = 0; i < units.size(); ++i) EXPECT_TRUE(units[i] == sample.units[i]) << i;
  return units.size();
}

void expect_refused(const Result<size_t>& result, const std::string& file) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), Code::kWalIoError);
  EXPECT_EQ(result.error().detail("code"), kLogDamaged) << result.error().to_string();
  EXPECT_EQ(result.error().detail("file"), file) << result.error().to_string();
  EXPECT_GE(result.error().detail_number("byte", -1), 0);
}

TEST(SegmentDamage, a_cut_at_every_byte_of_the_last_group_recovers_the_groups_before_it) {
  const auto sample = make_sample(End::kKilled);
  const std::string& path = sample->segments.back();
  const std::string whole = sample->files.content(path);
  size_t cuts = 0;
  for (size_t size = sample->last_group_at; size < whole.size(); ++size, ++cuts) {
    const auto files = sample->files.clone();
    files->put(path, whole.substr(0, size));
    Recovery recovery;
    const auto count = recovered_units(*files, *sample, &recovery);
    ASSERT_TRUE(count.ok()) << size << ": " << count.error().to_string();
    EXPECT_EQ(*count, sample->units_before_last_group);
    std::string cut = whole.substr(sample->last_group_at, size - sample->last_group_at);
    cut.resize(cut.find_last_not_of('\0') + 1);
    EXPECT_EQ(recovery.torn_bytes, cut.size());
    EXPECT_EQ(recovery.torn_file, cut.empty() ? "" : path);
    EXPECT_EQ(recovery.torn_byte, cut.empty() ? 0 : sample->last_group_at);
    if (!cut.empty()) {
      EXPECT_EQ(files->content(recovery.torn_copy), cut);
    }
    files->kill();
    EXPECT_EQ(recovered_units(*files, *sample, &recovery).value(), sample->units_before_last_group);
    EXPECT_EQ(recovery.torn_bytes, 0u);
  }
  std::printf("cuts: %zu, each recovered exactly the groups before the last\n", cuts);
}

TEST(SegmentDamage, a_cut_anywhere_before_the_last_group_loses_nothing_silently) {
  const auto sample = make_sample(End::kKilled);
  size_t refused = 0;
  size_t shorter = 0;
  for (const std::string& path : sample->segments) {
    const std::string whole = sample->files.content(path);
    const bool last = path == sample->segments.back();
    for (size_t size = 0; size < whole.size(); ++size) {
      const auto files = sample->files.clone();
      files->put(path, whole.substr(0, size));
      const auto count = recovered_units(*files, *sample);
      if (!last || size < kSegmentHeaderBytes) {
        EXPECT_FALSE(count.ok()) << path << " " << size;
      }
      count.ok() ? ++shorter : ++refused;
    }
  }
  std::printf("truncations: %zu refused, %zu a prefix (last segment only)\n", refused, shorter);
}

/// Flips every bit of every segment; returns how many were refused and how many gave a prefix.
struct Flips {
  size_t refused = 0;
  size_t prefix = 0;
  size_t whole = 0;
};
Flips flip_every_bit(const Sample& sample, End end) {
  Flips flips;
  for (const std::string& path : sample.segments) {
    const std::string bytes = sample.files.content(path);
    for (size_t byte = 0; byte < bytes.size(); ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        const auto files = sample.files.clone();
        std::string hurt = bytes;
        hurt[byte] = static_cast<char>(hurt[byte] ^ (1 << bit));
        files->put(path, hurt);
        const auto count = recovered_units(*files, sample);
        if (!count.ok()) {
          ++flips.refused;
          const std::string_view code = count.error().detail("code");
          EXPECT_TRUE(code == kLogDamaged || code == kLogUnknownVersion)
              << count.error().to_string();
          EXPECT_FALSE(count.error().detail("file").empty());
          EXPECT_GE(count.error().detail_number("byte", -1), 0);
          continue;
        }
        *count == sample.units.size() ? ++flips.whole : ++flips.prefix;
        const bool in_last_group = path == sample.segments.back() && byte >= sample.last_group_at;
        EXPECT_TRUE(end == End::kKilled && in_last_group) << path << " byte " << byte;
        EXPECT_EQ(*count, sample.units_before_last_group);
      }
    }
  }
  return flips;
}

TEST(SegmentDamage, every_flipped_bit_of_an_unclosed_log_is_refused_or_in_the_last_group) {
  const auto sample = make_sample(End::kKilled);
  const Flips flips = flip_every_bit(*sample, End::kKilled);
  EXPECT_GT(flips.refused, 0u);
  EXPECT_EQ(flips.whole, 0u);
  const size_t last_bytes =
      sample->files.content(sample->segments.back()).size() - sample->last_group_at;
  EXPECT_EQ(flips.prefix, last_bytes * 8);
  std::printf("unclosed: %zu flips refused, %zu in the last group gave the prefix, 0 different\n",
              flips.refused, flips.prefix);
}

TEST(SegmentDamage, every_flipped_bit_of_a_closed_log_is_refused) {
  const auto sample = make_sample(End::kClosed);
  // The mark of the clean end is the last group. A flip in it makes the log an unclosed one: the
  // mark is cut, the content is the same.
  size_t marks = 0;
  size_t refused = 0;
  for (const std::string& path : sample->segments) {
    const std::string bytes = sample->files.content(path);
    for (size_t byte = 0; byte < bytes.size(); ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        const auto files = sample->files.clone();
        std::string hurt = bytes;
        hurt[byte] = static_cast<char>(hurt[byte] ^ (1 << bit));
        files->put(path, hurt);
        Recovery recovery;
        const auto count = recovered_units(*files, *sample, &recovery);
        if (!count.ok()) {
          ++refused;
          continue;
        }
        ++marks;
        EXPECT_TRUE(path == sample->segments.back() && byte >= sample->last_group_at);
        EXPECT_EQ(*count, sample->units.size());
        EXPECT_FALSE(recovery.clean_close);
        EXPECT_GT(recovery.torn_bytes, 0u);
      }
    }
  }
  EXPECT_EQ(marks, kGroupHeaderBytes * 8);
  std::printf("closed: %zu flips refused, %zu in the mark of the end: reported, content the same\n",
              refused, marks);
}

TEST(SegmentDamage, a_missing_segment_is_refused) {
  const auto sample = make_sample(End::kClosed);
  const auto files = sample->files.clone();
  files->erase(sample->segments[1]);
  expect_refused(recovered_units(*files, *sample), sample->segments[2]);
}

TEST(SegmentDamage, without_its_first_segment_the_log_says_where_it_begins) {
  const auto sample = make_sample(End::kClosed);
  const auto files = sample->files.clone();
  files->erase(sample->segments[0]);
  LogBench bench(*files, kFolder);
  const auto log = bench.open_well();
  const auto cursor = log->read_from(1);
  ASSERT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.error().code(), Code::kNotFound);
  EXPECT_GT(cursor.error().detail_number("oldest_offset", 0), 1);
}

TEST(SegmentDamage, a_closed_log_that_has_become_shorter_is_refused) {
  const auto sample = make_sample(End::kClosed);
  const std::string& last = sample->segments.back();
  const std::string whole = sample->files.content(last);
  size_t borders = 0;
  for (size_t at = whole.find(kGroupMagic); at != std::string::npos;
       at = whole.find(kGroupMagic, at + 1), ++borders) {
    const auto files = sample->files.clone();
    files->put(last, whole.substr(0, at));
    const auto count = recovered_units(*files, *sample);
    // The mark of the end alone may go: all that it says is that this is the end.
    if (at == sample->last_group_at) {
      EXPECT_EQ(count.value(), sample->units.size());
    } else {
      expect_refused(count, last);
    }
  }
  EXPECT_GE(borders, 3u);
  const auto files = sample->files.clone();
  files->erase(last);
  expect_refused(recovered_units(*files, *sample), sample->segments[1]);
  for (const std::string& path : {sample->segments[0], sample->segments[1]}) files->erase(path);
  expect_refused(recovered_units(*files, *sample), kFolder + "/CLOSED");
}

TEST(SegmentDamage, the_note_of_an_earlier_clean_end_holds_back_nothing) {
  const auto sample = make_sample(End::kClosed);
  LogBench bench(sample->files, kFolder);
  auto log = bench.open_well();
  ASSERT_TRUE(append_one(*log, 1, 30).ok());
  log->flush();
  const Offset committed = log->committed();
  log.reset();
  sample->files.kill();
  log = bench.open_well();
  EXPECT_EQ(log->committed(), committed);
  ASSERT_TRUE(log->close().ok()) << "over the note that is there";
  sample->files.kill();
  sample->files.erase(kFolder + "/CLOSED");
  log = bench.open_well();
  EXPECT_EQ(log->committed(), committed) << "a log without a note is as good as one with it";
}

TEST(SegmentDamage, a_note_of_another_log_or_version_is_refused) {
  const auto sample = make_sample(End::kClosed);
  const auto other = make_sample(End::kClosed, 77);
  const std::string note = kFolder + "/CLOSED";
  sample->files.put(note, other->files.content(note));
  expect_refused(recovered_units(sample->files, *sample), note);
  std::string later = other->files.content(note);
  later[8] = 2;
  store_le(later.data() + 60, crc32c(std::string_view(later).substr(0, 60)));
  sample->files.put(note, later);
  const auto refused = recovered_units(sample->files, *sample);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail("code"), kLogUnknownVersion);
}

TEST(SegmentDamage, swapped_duplicate_and_misnamed_segments_are_refused) {
  const auto sample = make_sample(End::kClosed);
  auto files = sample->files.clone();
  files->put(sample->segments[0], sample->files.content(sample->segments[1]));
  files->put(sample->segments[1], sample->files.content(sample->segments[0]));
  expect_refused(recovered_units(*files, *sample), sample->segments[0]);

  files = sample->files.clone();
  const std::string copy = kFolder + "/" + segment_name(9000);
  files->put(copy, sample->files.content(sample->segments[1]));
  expect_refused(recovered_units(*files, *sample), copy);
  // With another one behind it, it is read as a finished segment.
  files->put(kFolder + "/" + segment_name(9001), sample->files.content(sample->segments[1]));
  expect_refused(recovered_units(*files, *sample), copy);

  files = sample->files.clone();
  const std::string alien = kFolder + "/first.seg";
  files->put(alien, sample->files.content(sample->segments[1]));
  expect_refused(recovered_units(*files, *sample), alien);
}

TEST(SegmentDamage, a_segment_of_another_database_is_refused) {
  const auto sample = make_sample(End::kClosed);
  const auto other = make_sample(End::kClosed, 77);
  for (size_t i = 0; i < sample->segments.size(); ++i) {
    const auto files = sample->files.clone();
    files->put(sample->segments[i], other->files.content(other->segments[i]));
    const auto result = recovered_units(*files, *sample);
    expect_refused(result, sample->segments[std::max<size_t>(i, 1)]);
    EXPECT_EQ(result.error().detail_number("byte", -1), 16);
  }
}

TEST(SegmentDamage, behind_a_clean_end_not_even_zeros_may_stand) {
  const auto sample = make_sample(End::kClosed);
  const std::string whole = sample->files.content(sample->segments.back());
  for (const std::string& more : {std::string("garbage"), std::string(1, '\0'),
                                  std::string(5000, '\0'), whole.substr(kSegmentHeaderBytes)}) {
    const auto files = sample->files.clone();
    files->put(sample->segments.back(), whole + more);
    const auto result = recovered_units(*files, *sample);
    expect_refused(result, sample->segments.back());
    EXPECT_EQ(result.error().detail_number("byte", -1), static_cast<int64_t>(whole.size()));
  }
}

TEST(SegmentDamage, behind_the_last_group_of_an_unclosed_log_zeros_and_garbage_are_cut) {
  const auto sample = make_sample(End::kKilled);
  const std::string whole = sample->files.content(sample->segments.back());
  auto files = sample->files.clone();
  files->put(sample->segments.back(), whole + std::string(100'000, '\0'));
  Recovery recovery;
  EXPECT_EQ(recovered_units(*files, *sample, &recovery).value(), sample->units.size());
  EXPECT_EQ(recovery.torn_bytes, 0u);

  files = sample->files.clone();
  files->put(sample->segments.back(), whole + std::string(3'000'000, 'g') + std::string(9, '\0'));
  EXPECT_EQ(recovered_units(*files, *sample, &recovery).value(), sample->units.size());
  EXPECT_EQ(recovery.torn_bytes, 3'000'000u);
  EXPECT_TRUE(files->content(recovery.torn_copy) == std::string(3'000'000, 'g'));
}

// The last segment is where a torn tail may stand. What tells damage from it is a group behind that
// says that this place was on disk.
TEST(SegmentDamage, in_the_last_segment_only_its_last_group_may_be_torn) {
  Sample sample;
  {
    LogBench bench(sample.files, kFolder);
    const auto log = bench.open_well();
    for (int group = 0; group < 4; ++group) {
      sample.units_before_last_group = read_units(*log).value().size();
      ASSERT_TRUE(append_one(*log, 1, 40).ok());
      log->flush();
    }
    sample.units = read_units(*log).value();
  }
  sample.files.kill();
  const std::string path = kFolder + "/" + segment_name(1);
  const std::string whole = sample.files.content(path);
  sample.last_group_at = whole.rfind(kGroupMagic);
  for (size_t byte = kSegmentHeaderBytes; byte < whole.size(); ++byte) {
    const auto files = sample.files.clone();
    std::string hurt = whole;
    hurt[byte] = static_cast<char>(hurt[byte] ^ (1 << (byte % 8)));
    files->put(path, hurt);
    const auto count = recovered_units(*files, sample);
    if (byte < sample.last_group_at) {
      expect_refused(count, path);
    } else {
      EXPECT_EQ(count.value(), sample.units_before_last_group) << byte;
    }
    if (HasFatalFailure()) FAIL() << "byte " << byte << " of " << whole.size();
  }
}

TEST(SegmentDamage, zeros_in_place_of_a_group_are_damage_unless_it_is_the_last) {
  const auto sample = make_sample(End::kKilled);
  for (const std::string& path : sample->segments) {
    const std::string whole = sample->files.content(path);
    for (size_t at = whole.find(kGroupMagic); at != std::string::npos;
         at = whole.find(kGroupMagic, at + 1)) {
      const size_t next = std::min(whole.find(kGroupMagic, at + 1), whole.size());
      std::string hurt = whole;
      std::fill(hurt.begin() + static_cast<ptrdiff_t>(at),
                hurt.begin() + static_cast<ptrdiff_t>(next), '\0');
      const auto files = sample->files.clone();
      files->put(path, hurt);
      const auto result = recovered_units(*files, *sample);
      if (path == sample->segments.back() && at == sample->last_group_at) {
        EXPECT_EQ(result.value(), sample->units_before_last_group);
      } else {
        expect_refused(result, path);
        EXPECT_EQ(result.error().detail_number("byte", -1), static_cast<int64_t>(at));
      }
    }
  }
}

TEST(SegmentDamage, a_later_format_is_refused_by_name) {
  const auto sample = make_sample(End::kClosed);
  const auto files = sample->files.clone();
  std::string bytes = files->content(sample->segments[0]);
  bytes[8] = 2;
  const uint32_t crc = crc32c(std::string_view(bytes).substr(0, 60));
  store_le(bytes.data() + 60, crc);
  files->put(sample->segments[0], bytes);
  const auto result = recovered_units(*files, *sample);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().detail("code"), kLogUnknownVersion);
  EXPECT_EQ(result.error().detail("file"), sample->segments[0]);
}

TEST(SegmentDamage, a_group_of_unknown_kind_is_refused_by_name) {
  const auto sample = make_sample(End::kKilled);
  const auto files = sample->files.clone();
  std::string bytes = files->content(sample->segments[2]);
  SegmentHeader segment;
  uint32_t crc = 0;
  ASSERT_EQ(decode(bytes, segment, crc), HeaderState::kValid);
  char* group = bytes.data() + sample->last_group_at;
  group[4] = 9;
  store_le(group + 60, crc32c({group, 60}, group_seed(segment.database)));
  files->put(sample->segments[2], bytes);
  const auto result = recovered_units(*files, *sample);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().detail("code"), kLogUnknownVersion);
  EXPECT_EQ(result.error().detail_number("byte", -1), static_cast<int64_t>(sample->last_group_at));
}

TEST(SegmentDamage, a_cursor_reports_what_decays_after_the_start) {
  const auto sample = make_sample(End::kKilled);
  const std::string& path = sample->segments[1];
  const size_t size = sample->files.content(path).size();
  size_t reported = 0;
  for (size_t byte = kSegmentHeaderBytes; byte < size; ++byte) {
    const auto files = sample->files.clone();
    LogBench bench(*files, kFolder);
    const auto log = bench.open_well();
    files->flip_on_read(path, byte, byte % 8);
    const auto units = read_units(*log);
    if (!units.ok()) {
      ++reported;
      EXPECT_EQ(units.error().detail("code"), kLogDamaged);
      EXPECT_EQ(units.error().detail("file"), path);
    } else {
      ADD_FAILURE() << "unnoticed at byte " << byte;
    }
  }
  EXPECT_EQ(reported, size - kSegmentHeaderBytes);
}

/// How opening ends, in words, when finished segments are read in that way.
std::string outcome(SimulatedFileSystem& files, io::Ahead ahead) {
  LogBench bench(files, kFolder);
  bench.ahead = ahead;
  const auto opened = bench.open();
  if (!opened.ok()) return opened.error().to_string();
  return std::to_string(opened->recovery.segments) + " segments up to " +
         std::to_string(opened->log->next_offset());
}

TEST(SegmentDamage, threads_that_read_finished_segments_come_to_the_same_end) {
  const auto whole = make_sample(End::kKilled);
  const auto compare = [&](const std::string& what) {
    const std::string one = outcome(whole->files, io::Ahead::kInline);
    ASSERT_EQ(outcome(whole->files, io::Ahead::kThread), one) << what;
  };
  for (size_t i = 0; i + 1 < whole->segments.size(); ++i) {
    const std::string& path = whole->segments[i];
    const std::string right = whole->files.content(path);
    for (size_t at = 0; at < right.size(); ++at) {
      std::string wrong = right;
      wrong[at] = static_cast<char>(wrong[at] ^ 4);
      whole->files.put(path, wrong);
      compare("byte " + std::to_string(at));
      ASSERT_NE(outcome(whole->files, io::Ahead::kThread).find(path), std::string::npos);
    }
    whole->files.put(path, right.substr(0, right.size() - 5));
    compare("cut");
    ASSERT_TRUE(whole->files.remove(path).ok());
    compare("gone");
    whole->files.put(path, right);
  }
  compare("whole");
  EXPECT_TRUE(outcome(whole->files, io::Ahead::kThread).starts_with("3 segments up to "));
}

}  // namespace
}  // namespace rstmdb::log
