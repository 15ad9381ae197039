// What tests rely on when they cut the power: nothing synced is lost, what is not synced may be,
// in every way that a disk has, and the same seed takes the same.
#include "io/simulated_file_system.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace rstmdb::io {
namespace {

using Open = FileSystem::Open;
using Call = SimulatedFileSystem::Call;
using Fault = SimulatedFileSystem::Fault;

class SimulatedFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.make_folder("/d").ok());
    ASSERT_TRUE(files_.sync_folder("/").ok());
  }
  std::unique_ptr<File> create(const std::string& path) {
    return std::move(files_.open(path, Open::kCreateNew)).value();
  }
  /// A file with synced content and a synced name.
  std::unique_ptr<File> settled(const std::string& path, const std::string& bytes) {
    auto file = create(path);
    EXPECT_TRUE(file->write_at(0, bytes).ok());
    EXPECT_TRUE(file->sync().ok());
    EXPECT_TRUE(files_.sync_folder("/d").ok());
    return file;
  }
  /// Every content of `path` that some power cut leaves; "-" when the file is gone.
  std::set<std::string> outcomes(const std::string& path) {
    std::set<std::string> seen;
    for (uint64_t seed = 0; seed < 2000; ++seed) {
      const auto after = files_.after_power_cut(seed);
      seen.insert(after->exists(path).value() ? after->content(path) : "-");
    }
    return seen;
  }

  SimulatedFileSystem files_;
};

TEST_F(SimulatedFileSystemTest, what_is_synced_is_never_lost) {
  const auto file = settled("/d/a", "synced");
  EXPECT_EQ(outcomes("/d/a"), std::set<std::string>{"synced"});
}

TEST_F(SimulatedFileSystemTest, an_unsynced_write_is_lost_kept_or_leaves_its_size) {
  const auto file = settled("/d/a", "base");
  ASSERT_TRUE(file->write_at(4, "more").ok());
  const auto seen = outcomes("/d/a");
  EXPECT_TRUE(seen.contains("base"));
  EXPECT_TRUE(seen.contains("basemore"));
  EXPECT_TRUE(seen.contains(std::string("base\0\0\0\0", 8)));
  for (const std::string& content : seen) EXPECT_EQ(content.substr(0, 4), "base");
}

TEST_F(SimulatedFileSystemTest, an_unsynced_write_is_torn_at_sectors_and_in_any_order) {
  const auto file = settled("/d/a", std::string(1536, 'o'));
  ASSERT_TRUE(file->write_at(0, std::string(1536, 'n')).ok());
  std::set<std::string> sectors;
  for (const std::string& content : outcomes("/d/a")) {
    ASSERT_EQ(content.size(), 1536u);
    std::string pattern;
    for (size_t at = 0; at < 1536; at += 512) {
      EXPECT_EQ(content.substr(at, 512), std::string(512, content[at])) << "no tear in a sector";
      pattern.push_back(content[at]);
    }
    sectors.insert(pattern);
  }
  EXPECT_EQ(sectors.size(), 8u) << "each sector old or new, all combinations";
}

TEST_F(SimulatedFileSystemTest, a_sector_is_never_newer_in_part) {
  const auto file = settled("/d/a", "....");
  ASSERT_TRUE(file->write_at(0, "1").ok());
  ASSERT_TRUE(file->write_at(1, "2").ok());
  EXPECT_EQ(outcomes("/d/a"), (std::set<std::string>{"....", "1...", "12.."}));
}

TEST_F(SimulatedFileSystemTest, an_unsynced_name_comes_and_goes) {
  const auto file = create("/d/a");
  ASSERT_TRUE(file->write_at(0, "x").ok());
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(outcomes("/d/a"), (std::set<std::string>{"-", "x"}));
  ASSERT_TRUE(files_.sync_folder("/d").ok());
  EXPECT_EQ(outcomes("/d/a"), std::set<std::string>{"x"});
  ASSERT_TRUE(files_.remove("/d/a").ok());
  EXPECT_EQ(outcomes("/d/a"), (std::set<std::string>{"-", "x"}));
}

TEST_F(SimulatedFileSystemTest, a_rename_is_undone_or_kept_but_never_both_or_neither) {
  settled("/d/new", "new");
  settled("/d/old", "old");
  ASSERT_TRUE(files_.rename("/d/new", "/d/old").ok());
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const auto after = files_.after_power_cut(seed);
    seen.insert(after->content("/d/old") + "," + after->content("/d/new"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"new,", "old,new"}));
}

TEST_F(SimulatedFileSystemTest, a_truncation_is_undone_or_kept) {
  const auto file = settled("/d/a", "abcdef");
  ASSERT_TRUE(file->truncate(2).ok());
  EXPECT_EQ(outcomes("/d/a"), (std::set<std::string>{"ab", "abcdef"}));
}

TEST_F(SimulatedFileSystemTest, the_same_seed_leaves_the_same) {
  const auto file = settled("/d/a", std::string(5000, 'o'));
  ASSERT_TRUE(file->write_at(100, std::string(9000, 'n')).ok());
  for (uint64_t seed = 0; seed < 50; ++seed)
    EXPECT_EQ(files_.after_power_cut(seed)->content("/d/a"),
              files_.after_power_cut(seed)->content("/d/a"));
}

TEST_F(SimulatedFileSystemTest, a_cut_ends_the_process_too) {
  const auto file = settled("/d/a", "x");
  auto lock = files_.lock("/d/LOCK");
  ASSERT_TRUE(lock.ok());
  files_.power_cut(1);
  EXPECT_EQ(file->write_at(0, "y").error().detail_number("errno", 0), EBADF);
  const auto again = files_.lock("/d/LOCK");
  EXPECT_TRUE(again.ok());
  lock->reset();
  EXPECT_EQ(files_.lock("/d/LOCK").error().code(), Code::kConflict)
      << "the dead lock frees nothing";
}

TEST_F(SimulatedFileSystemTest, a_failed_sync_may_have_dropped_its_pages) {
  const auto file = settled("/d/a", "old");
  ASSERT_TRUE(file->write_at(0, "new").ok());
  files_.inject({.call = Call::kSync, .effect = Fault::Effect::kPagesDropped});
  EXPECT_FALSE(file->sync().ok());
  EXPECT_EQ(files_.content("/d/a"), "new") << "reads go on showing it";
  EXPECT_TRUE(file->sync().ok()) << "the next sync claims success";
  EXPECT_EQ(outcomes("/d/a"), std::set<std::string>{"old"});
}

TEST_F(SimulatedFileSystemTest, faults_strike_their_call_once_or_for_good) {
  const auto file = settled("/d/a", "");
  files_.inject({.call = Call::kWrite, .nth = 2, .error_number = ENOSPC});
  EXPECT_TRUE(file->write_at(0, "1").ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_EQ(file->write_at(1, "2").error().detail_number("errno", 0), ENOSPC);
  EXPECT_TRUE(file->write_at(1, "3").ok());
  files_.inject({.nth = 1, .repeat = Fault::Repeat::kForGood});
  EXPECT_FALSE(file->write_at(2, "4").ok());
  EXPECT_FALSE(files_.list("/d").ok());
  files_.clear_faults();
  EXPECT_EQ(files_.content("/d/a"), "13");
  files_.inject({.call = Call::kWrite, .effect = Fault::Effect::kPartial});
  EXPECT_FALSE(file->write_at(2, "abcd").ok());
  EXPECT_EQ(files_.content("/d/a"), "13ab");
}

TEST_F(SimulatedFileSystemTest, a_full_disk_takes_no_more) {
  const auto file = settled("/d/a", "");
  files_.set_free_bytes(10);
  EXPECT_TRUE(file->write_at(0, "12345678").ok());
  EXPECT_EQ(files_.free_bytes("/d").value(), 2u);
  EXPECT_EQ(file->write_at(8, "9ab").error().detail_number("errno", 0), ENOSPC);
  EXPECT_TRUE(file->write_at(0, "again").ok()) << "what is there may be written over";
}

TEST_F(SimulatedFileSystemTest, reads_can_show_a_flipped_bit) {
  const auto file = settled("/d/a", "abc");
  files_.flip_on_read("/d/a", 1, 0);
  std::string bytes(3, '?');
  ASSERT_EQ(file->read_at(0, bytes).value(), 3u);
  EXPECT_EQ(bytes, "acc");
}

TEST(SimulatedFileSystem, WhileItIsHaltedNoCallDoesAnything) {
  SimulatedFileSystem system;
  ASSERT_TRUE(system.make_folder("/there").ok());
  ASSERT_TRUE(system.open("/there/file", FileSystem::Open::kCreateNew).ok());
  system.halt();
  EXPECT_FALSE(system.make_folder("/other").ok());
  EXPECT_FALSE(system.rename("/there/file", "/there/moved").ok());
  EXPECT_FALSE(system.remove("/there/file").ok());
  EXPECT_FALSE(system.open("/there/another", FileSystem::Open::kCreateNew).ok());
  EXPECT_FALSE(system.sync_folder("/there").ok());
  EXPECT_FALSE(system.lock("/there/LOCK").ok());
  system.go_on();
  EXPECT_EQ(system.list("/").value(), std::vector<std::string>{"there"});
  EXPECT_EQ(system.list("/there").value(), std::vector<std::string>{"file"});
}

}  // namespace
}  // namespace rstmdb::io
