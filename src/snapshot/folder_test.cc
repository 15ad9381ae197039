// The snapshot folder: names, order, what is kept, and power cuts between the steps.
#include "snapshot/folder.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/limits.h"
#include "snapshot/damage.h"
#include "snapshot/format.h"
#include "snapshot/reader.h"
#include "snapshot/snapshot_test_support.h"

namespace rstmdb::snapshot {
namespace {

using io::SimulatedFileSystem;

std::vector<uint64_t> offsets(const Result<std::vector<Stored>>& stored) {
  EXPECT_TRUE(stored.ok());
  std::vector<uint64_t> found;
  for (const Stored& one : *stored) found.push_back(one.offset);
  return found;
}

void publish(Folder& folder, uint64_t offset) {
  ASSERT_TRUE(write_snapshot(folder.files(), folder.draft_path(), full_history()).ok());
  ASSERT_TRUE(folder.publish(offset).ok());
}

TEST(SnapshotFolder, names_lead_back_to_offsets) {
  EXPECT_EQ(snapshot_name(812), "00000000000000000812.snap");
  EXPECT_EQ(parse_snapshot_name(snapshot_name(UINT64_MAX)), UINT64_MAX);
  EXPECT_EQ(parse_snapshot_name("00000000000000000812.snap.damaged"), std::nullopt);
  EXPECT_EQ(parse_snapshot_name("18446744073709551616.snap"), std::nullopt);
  EXPECT_EQ(parse_snapshot_name("0000000000000000081x.snap"), std::nullopt);
  EXPECT_EQ(parse_snapshot_name("0000000000000000081/.snap"), std::nullopt);
  EXPECT_EQ(parse_snapshot_name("00000000000000000812.snag"), std::nullopt);
}

TEST(SnapshotFolder, that_is_not_there_holds_nothing) {
  SimulatedFileSystem files;
  const Folder folder(files, kTestFolder);
  EXPECT_TRUE(folder.list()->empty());
  ASSERT_TRUE(folder.prepare().ok());
  EXPECT_TRUE(folder.list()->empty());
}

TEST(SnapshotFolder, keeps_the_newest_and_the_one_before) {
  SimulatedFileSystem files;
  Folder folder(files, kTestFolder);
  ASSERT_TRUE(folder.prepare().ok());
  for (const uint64_t offset : {5u, 100u, 20u}) publish(folder, offset);
  EXPECT_EQ(offsets(folder.list()), (std::vector<uint64_t>{5, 20, 100}));
  static_assert(limits::kSnapshotsKept == 2);
  EXPECT_EQ(offsets(folder.prune()), (std::vector<uint64_t>{20, 100}));
  EXPECT_EQ(offsets(folder.list()), (std::vector<uint64_t>{20, 100}));
  EXPECT_EQ(offsets(folder.prune()), (std::vector<uint64_t>{20, 100}));
}

TEST(SnapshotFolder, forgets_drafts_and_damaged_ones) {
  SimulatedFileSystem files;
  Folder folder(files, kTestFolder);
  ASSERT_TRUE(folder.prepare().ok());
  publish(folder, 5);
  publish(folder, 6);
  ASSERT_TRUE(write_snapshot(files, folder.draft_path(), full_history()).ok());
  ASSERT_TRUE(folder.prepare().ok());
  EXPECT_EQ(files.content(folder.draft_path()), "");
  const auto aside = folder.set_aside(folder.list()->back());
  ASSERT_TRUE(aside.ok());
  EXPECT_EQ(*aside, kTestFolder + "/00000000000000000006.snap.damaged");
  EXPECT_NE(files.content(*aside), "") << "kept as evidence";
  EXPECT_EQ(offsets(folder.list()), std::vector<uint64_t>{5});
}

TEST(SnapshotFolder, refuses_a_name_that_is_none) {
  SimulatedFileSystem files;
  Folder folder(files, kTestFolder);
  ASSERT_TRUE(folder.prepare().ok());
  files.put(kTestFolder + "/latest.snap", "x");
  const auto listed = folder.list();
  ASSERT_FALSE(listed.ok());
  EXPECT_EQ(listed.error().detail("code"), kSnapshotDamaged);
  EXPECT_EQ(listed.error().detail("file"), kTestFolder + "/latest.snap");
}

TEST(SnapshotFolder, a_power_cut_leaves_whole_snapshots_under_names) {
  SimulatedFileSystem files;
  ASSERT_TRUE(files.make_folder("/data").ok());  // durable, as the log leaves it
  ASSERT_TRUE(files.sync_folder("/").ok());
  Folder folder(files, kTestFolder);
  uint64_t published = 0;
  size_t cuts = 0;
  files.before_each_call([&](SimulatedFileSystem::Call, const std::string&) {
    for (uint64_t seed = 0; seed < 100; ++seed, ++cuts) {
      const auto after = files.after_power_cut(cuts);
      const Folder again(*after, kTestFolder);
      const auto stored = again.list();
      ASSERT_TRUE(stored.ok());
      for (const Stored& one : *stored)
        EXPECT_TRUE(verify(*after, one.path, {}).ok()) << one.path << " cut " << cuts;
      if (published != 0) {
        ASSERT_FALSE(stored->empty());
        EXPECT_GE(stored->back().offset, published);
      }
    }
  });
  ASSERT_TRUE(folder.prepare().ok());
  for (const uint64_t offset : {10u, 20u, 30u, 40u}) {
    publish(folder, offset);
    published = offset;
    ASSERT_TRUE(folder.prune().ok());
  }
  files.before_each_call({});
  EXPECT_GT(cuts, 1000u);
  std::printf("%zu power cuts: every named snapshot was whole\n", cuts);
}

TEST(SnapshotFolder, whichever_call_fails_it_is_said_and_the_snapshots_stay_readable) {
  size_t refused = 0;
  for (uint64_t nth = 1;; ++nth) {
    SimulatedFileSystem files;
    Folder folder(files, kTestFolder);
    ASSERT_TRUE(folder.prepare().ok());
    for (const uint64_t offset : {5u, 20u, 100u}) publish(folder, offset);
    const uint64_t before = files.calls();
    files.inject({.nth = nth});
    const bool pruned = folder.prune().ok();
    const bool aside = pruned && folder.set_aside({20, folder.path_of(20)}).ok();
    if (files.calls() - before < nth) break;
    refused += !pruned || !aside;
    files.clear_faults();
    const std::vector<uint64_t> left = offsets(folder.list());
    EXPECT_EQ(left.back(), 100u) << nth;
    EXPECT_TRUE(verify(files, folder.path_of(100), {}).ok()) << nth;
  }
  EXPECT_GE(refused, 4u);
}

TEST(SnapshotFolder, whichever_call_fails_no_draft_becomes_a_snapshot_unsaid) {
  size_t refused = 0;
  for (uint64_t nth = 1;; ++nth) {
    SimulatedFileSystem files;
    Folder folder(files, kTestFolder);
    ASSERT_TRUE(folder.prepare().ok());
    ASSERT_TRUE(write_snapshot(files, folder.draft_path(), full_history()).ok());
    const uint64_t before = files.calls();
    files.inject({.nth = nth});
    Result<void> outcome = folder.prepare();  // forgets the draft
    if (outcome.ok()) outcome = write_snapshot(files, folder.draft_path(), full_history());
    if (outcome.ok()) outcome = folder.publish(7);
    const bool struck = files.calls() - before >= nth;
    files.clear_faults();
    EXPECT_EQ(outcome.ok(), !struck) << nth;
    const auto listed = folder.list();
    ASSERT_TRUE(listed.ok());
    for (const Stored& stored : *listed) EXPECT_TRUE(verify(files, stored.path, {}).ok()) << nth;
    if (!struck) break;
    ++refused;
  }
  EXPECT_GT(refused, 10u);
}

}  // namespace
}  // namespace rstmdb::snapshot
