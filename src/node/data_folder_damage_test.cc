// A complete loop over a small data folder: every bit, every byte with several other values, every
// shorter length and some longer ones, of every segment and every snapshot. Each time a start
// either refuses and names the place, or comes to the state that was there, or reports that it has
// cut off what a crash could have left. It never comes to another state, and what it serves as the
// log is the log. One thing is found by nothing, and only when the log was not closed: a last
// segment that has lost its end at the border of a group, or itself; see docs/log-format.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "base/logging.h"
#include "log/segment_format.h"
#include "node/compaction_test_support.h"

namespace rstmdb::node {
namespace {

using io::SimulatedFileSystem;

enum class End { kClosed, kKilled };

/// What there is to know about a folder that is whole.
struct Folder {
  SimulatedFileSystem files;
  Model model;
  Hash128 state;
  uint64_t head = 0;
  std::vector<std::pair<log::Offset, std::string>> units;
  std::string older_snapshot;
  std::string first_segment;
  std::string last_segment;
  uint64_t last_group_at = 0;
};

Result<std::vector<std::pair<log::Offset, std::string>>> units_of(log::SegmentLog& log) {
  std::vector<std::pair<log::Offset, std::string>> units;
  RSTMDB_ASSIGN(const auto cursor, log.read_from(log.stats().oldest_offset));
  while (true) {
    RSTMDB_ASSIGN(const std::optional<log::Unit> unit, cursor->next());
    if (!unit) return units;
    units.emplace_back(unit->first_offset, std::string(unit->bytes));
  }
}

void make(Folder& folder, End end) {
  std::mt19937_64 chance(11);
  {
    NodeBench bench(folder.files, 4);
    ASSERT_TRUE(bench.open().ok());
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 10; ++i) {
        ASSERT_TRUE(bench.write(chance, folder.model));
        bench.turn(folder.model);
      }
      if (round == 2) break;
      ASSERT_TRUE(bench.compact(folder.model).ok());
    }
    const std::vector<snapshot::Stored> stored = bench.folder().list().value();
    ASSERT_EQ(stored.size(), 2u);
    folder.older_snapshot = stored[0].path;
    ASSERT_GT(bench.log().stats().oldest_offset, 1u) << "nothing was trimmed";
    folder.state = bench.node().state().hash();
    folder.head = bench.node().head();
    folder.units = units_of(bench.log()).value();
    if (end == End::kClosed) {
      ASSERT_TRUE(bench.log().close().ok());
    }
  }
  folder.files.kill();
  size_t segments = 0;
  for (const std::string& path : folder.files.paths()) {
    if (!path.ends_with(".seg")) continue;
    if (++segments == 1) folder.first_segment = path;
    folder.last_segment = path;
  }
  ASSERT_GE(segments, 2u);
  folder.last_group_at = folder.files.content(folder.last_segment).rfind(log::kGroupMagic);
}

struct Counts {
  size_t changes = 0;
  size_t refused = 0;
  size_t fell_back = 0;  // to the other snapshot, and said so
  size_t torn = 0;       // cut off the end, and said so
  size_t shorter = 0;    // the last segment has lost groups, as a whole: nothing is left that tells
  size_t same = 0;       // without a word: the change is none to the log
};

/// The file so many places behind `path`, by name.
std::string neighbour(const Folder& folder, const std::string& path, ptrdiff_t places) {
  const std::vector<std::string> paths = folder.files.paths();
  const auto at = std::ranges::find(paths, path) - paths.begin() + places;
  return at < 0 || at >= std::ssize(paths) ? "" : paths[static_cast<size_t>(at)];
}

/// One start with `bytes` in place of what `path` held, or without it.
void start_with(const Folder& folder, const std::string& path, std::optional<std::string> bytes,
                Counts& counts, const std::string& change) {
  const bool cut = !bytes || bytes->size() < folder.files.content(path).size();
  const bool lost = !bytes;
  const auto files = folder.files.clone();
  if (bytes) {
    files->put(path, std::move(*bytes));
  } else {
    files->erase(path);
  }
  ++counts.changes;
  NodeBench bench(*files, 8);
  const auto opened = bench.open();
  if (!opened.ok()) {
    ++counts.refused;
    // A segment that has lost whole groups, or that is lost, is found by its neighbour.
    const std::string_view named = opened.error().detail("file");
    const std::string_view code = opened.error().detail("code");
    ASSERT_TRUE(named == path || named == neighbour(folder, path, 1) ||
                named == neighbour(folder, path, -1) || code == "LOG_BEHIND_SNAPSHOT" ||
                code == "NO_WAY_TO_STATE")
        << change << ": " << opened.error().to_string();
    return;
  }
  const auto units = units_of(bench.log());
  ASSERT_TRUE(units.ok()) << change << ": found by the reader only";
  const engine::State& state = bench.node().state();
  ASSERT_EQ(state.hash(), state.hash_by_walk()) << change;
  if (bench.recovery.torn_bytes != 0) {
    ++counts.torn;
    ASSERT_EQ(bench.recovery.torn_file, path) << change;
    ASSERT_EQ(path, folder.last_segment) << change;
    ASSERT_TRUE(cut || bench.recovery.torn_byte >= folder.last_group_at) << change;
  } else if (!bench.damaged.empty()) {
    ++counts.fell_back;
    ASSERT_EQ(bench.damaged[0].stored.path, path) << change;
  } else if (state.last_offset() == folder.head) {
    ++counts.same;
    // The older snapshot is not looked at while the newer one is right. Lost as a whole, any file
    // but a segment leaves a folder of a shorter life, and the first segment a log that begins
    // later.
    ASSERT_TRUE(path == folder.last_segment || path == folder.older_snapshot ||
                (lost && (path == folder.first_segment || !path.ends_with(".seg"))))
        << change;
  } else {
    ++counts.shorter;
    ASSERT_TRUE(cut) << change;
  }
  if (state.last_offset() != folder.head) {
    // Only what no later write says was on disk may be taken for the torn end of a flush, or for
    // what has never been.
    ASSERT_EQ(path, folder.last_segment) << change;
    ASSERT_LT(state.last_offset(), folder.head) << change;
    ASSERT_EQ(state.hash(), folder.model.hashes.at(state.last_offset())) << change;
    ASSERT_TRUE(std::equal(units->begin(), units->end(), folder.units.begin())) << change;
    return;
  }
  ASSERT_EQ(state.hash(), folder.state) << change;
  ASSERT_TRUE(std::equal(units->rbegin(), units->rend(), folder.units.rbegin())) << change;
  if (!lost || path != folder.first_segment) {
    ASSERT_EQ(units->size(), folder.units.size()) << change;
  }
}

void change_bytes(const Folder& folder, const std::string& path, Counts& counts) {
  const std::string good = folder.files.content(path);
  for (size_t byte = 0; byte < good.size(); ++byte) {
    std::set<char> others;
    for (int bit = 0; bit < 8; ++bit) others.insert(static_cast<char>(good[byte] ^ (1 << bit)));
    for (const int value : {0x00, 0xff, 0x20, good[byte] + 1, good[byte] - 1, ~good[byte]})
      others.insert(static_cast<char>(value));
    others.erase(good[byte]);
    for (const char other : others) {
      std::string bad = good;
      bad[byte] = other;
      start_with(folder, path, bad, counts,
                 path + " byte " + std::to_string(byte) + " = " + std::to_string(other));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

void change_length(const Folder& folder, const std::string& path, Counts& counts) {
  const std::string good = folder.files.content(path);
  for (size_t size = 0; size < good.size(); ++size) {
    start_with(folder, path, good.substr(0, size), counts,
               path + " cut to " + std::to_string(size));
    if (testing::Test::HasFatalFailure()) return;
  }
  for (const std::string& more :
       {std::string(1, '\0'), std::string(1, 'x'), std::string(4096, '\0'), std::string(4096, 'x'),
        good, good.substr(good.size() / 2)}) {
    start_with(folder, path, good + more, counts,
               path + " longer by " + std::to_string(more.size()));
    if (testing::Test::HasFatalFailure()) return;
  }
}

void loop_over(End end, const char* name) {
  Folder folder;
  make(folder, end);
  if (testing::Test::HasFatalFailure()) return;
  size_t bytes = 0;
  size_t changed = 0;
  Counts counts;
  for (const std::string& path : folder.files.paths()) {
    if (path.ends_with("/LOCK")) {
      ASSERT_EQ(folder.files.content(path), "") << "a file that this loop does not know";
      continue;
    }
    ++changed;
    bytes += folder.files.content(path).size();
    change_bytes(folder, path, counts);
    change_length(folder, path, counts);
    start_with(folder, path, std::nullopt, counts, path + " lost");
    if (testing::Test::HasFatalFailure()) return;
  }
  EXPECT_GE(changed, 4u);
  if (end == End::kClosed) {
    EXPECT_EQ(counts.shorter, 0u);
  }
  std::printf(
      "%s: %zu files, %zu bytes, %zu changes: %zu starts refused by name, %zu from the other "
      "snapshot, %zu cut the end off and said so, %zu the same, %zu a shorter log; no other "
      "state\n",
      name, changed, bytes, counts.changes, counts.refused, counts.fell_back, counts.torn,
      counts.same, counts.shorter);
}

class DataFolderDamage : public testing::Test {
 protected:
  DataFolderDamage() { set_logging(Level::kError, LogFormat::kJson); }
};

TEST_F(DataFolderDamage, whatever_changes_in_a_closed_folder_is_found_or_is_no_difference) {
  loop_over(End::kClosed, "closed");
}

TEST_F(DataFolderDamage, whatever_changes_in_a_killed_folder_is_found_or_is_no_difference) {
  loop_over(End::kKilled, "killed");
}

}  // namespace
}  // namespace rstmdb::node
