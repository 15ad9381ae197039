// Snapshot files: what is written is read back as the same state, and nothing else is.
#include "snapshot/reader.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/limits.h"
#include "snapshot/damage.h"
#include "snapshot/snapshot_test_support.h"

namespace rstmdb::snapshot {
namespace {

using io::SimulatedFileSystem;
const std::string kPath = kTestFolder + "/s";

/// A file system with the snapshot of a small history in it.
std::unique_ptr<SimulatedFileSystem> with_snapshot(uint64_t seed = 12) {
  auto files = std::make_unique<SimulatedFileSystem>();
  EXPECT_TRUE(files->make_folder(kTestFolder).ok());
  const auto written = write_snapshot(*files, kPath, full_history(seed));
  EXPECT_TRUE(written.ok()) << written.error().to_string();
  return files;
}

/// Where the file is read makes no difference, neither to a state nor to what is wrong.
Result<Loaded> load_it(SimulatedFileSystem& files) {
  auto loaded = load(files, kPath, {.state = {.hash_seed = 9}, .ahead = io::Ahead::kInline});
  auto ahead = load(files, kPath, {.state = {.hash_seed = 9}, .ahead = io::Ahead::kThread});
  EXPECT_EQ(loaded.ok() ? "" : loaded.error().to_string(),
            ahead.ok() ? "" : ahead.error().to_string());
  if (loaded.ok() && ahead.ok()) {
    EXPECT_EQ(loaded->state.hash(), ahead->state.hash());
  }
  return loaded;
}

TEST(Snapshot, gives_the_state_back) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const auto files = with_snapshot(seed);
    auto& history = full_history(seed);
    const auto verified = verify(*files, kPath, {});
    ASSERT_TRUE(verified.ok()) << verified.error().to_string();
    EXPECT_EQ(verified->header.facts.hash, history.state().hash());
    const auto loaded = load_it(*files);
    ASSERT_TRUE(loaded.ok()) << loaded.error().to_string();
    EXPECT_EQ(loaded->state.hash_by_walk(), history.state().hash());
    EXPECT_EQ(loaded->header.database, test_database());
    EXPECT_EQ(loaded->header.chain.value, history.chain().value);
    EXPECT_EQ(loaded->state.last_offset(), history.state().last_offset());
    EXPECT_EQ(loaded->state.last_ts(), history.state().last_ts());
    EXPECT_EQ(loaded->file_bytes, files->content(kPath).size());
  }
}

TEST(Snapshot, of_an_empty_state_is_a_header_and_a_trailer) {
  SimulatedFileSystem files;
  ASSERT_TRUE(files.make_folder(kTestFolder).ok());
  engine::State state({.hash_seed = 1});
  const auto writer = Writer::create(files, kPath, {.facts = state.facts()}).value();
  ASSERT_TRUE(writer->finish().ok());
  EXPECT_EQ(files.content(kPath).size(), kHeaderBytes + kTrailerBytes);
  EXPECT_EQ(load_it(files)->state.hash(), state.hash());
  EXPECT_TRUE(verify(files, kPath, {}).ok());
}

TEST(Snapshot, what_finish_has_returned_survives_a_power_cut) {
  const auto files = with_snapshot();
  ASSERT_TRUE(files->sync_folder(kTestFolder).ok());
  ASSERT_TRUE(files->sync_folder("/data").ok());
  ASSERT_TRUE(files->sync_folder("/").ok());
  for (uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_TRUE(verify(*files->after_power_cut(seed), kPath, {}).ok());
}

/// `bytes` in place of the snapshot: refused by both readers, with file and byte.
void expect_refused(SimulatedFileSystem& files, std::string bytes, const std::string& what) {
  files.put(kPath, std::move(bytes));
  const auto verified = verify(files, kPath, {});
  ASSERT_FALSE(verified.ok()) << what;
  EXPECT_EQ(verified.error().detail("file"), kPath) << what;
  EXPECT_GE(verified.error().detail_number("byte", -1), 0) << what;
  const auto loaded = load_it(files);
  ASSERT_FALSE(loaded.ok()) << what;
  EXPECT_EQ(loaded.error().code(), Code::kWalIoError) << what;
}

TEST(Snapshot, every_bit_of_it_matters) {
  const auto files = with_snapshot();
  const std::string good = files->content(kPath);
  size_t flips = 0;
  for (size_t byte = 0; byte < good.size(); ++byte) {
    for (unsigned bit = 0; bit < 8; ++bit, ++flips) {
      std::string bytes = good;
      bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << bit));
      expect_refused(*files, std::move(bytes), "byte " + std::to_string(byte));
      if (HasFatalFailure()) return;
    }
  }
  std::printf("snapshot of %zu bytes: %zu flipped bits, each refused\n", good.size(), flips);
}

TEST(Snapshot, cut_anywhere_or_longer_by_anything_it_is_refused) {
  const auto files = with_snapshot();
  const std::string good = files->content(kPath);
  for (size_t size = 0; size < good.size(); ++size)
    expect_refused(*files, good.substr(0, size), "cut to " + std::to_string(size));
  expect_refused(*files, good + '\0', "a zero more");
  expect_refused(*files, good + good, "twice");
}

TEST(Snapshot, says_where_the_damage_is) {
  const auto files = with_snapshot();
  std::string bytes = files->content(kPath);
  const size_t in_block = kHeaderBytes + kBlockHeaderBytes + 7;
  bytes[in_block] = static_cast<char>(bytes[in_block] ^ 4);
  files->put(kPath, bytes);
  const auto verified = verify(*files, kPath, {});
  ASSERT_FALSE(verified.ok());
  EXPECT_EQ(verified.error().detail("code"), kSnapshotDamaged);
  EXPECT_EQ(verified.error().detail_number("byte", 0),
            static_cast<int64_t>(kHeaderBytes + kBlockHeaderBytes));
}

/// Seals a part that a test has changed.
void seal(std::string& bytes, size_t at, size_t size, uint32_t seed) {
  const uint32_t crc = crc32c(std::string_view(bytes).substr(at, size), seed);
  store_le(bytes.data() + at + size, crc);
}

TEST(Snapshot, of_a_later_version_is_refused_as_such) {
  const auto files = with_snapshot();
  std::string bytes = files->content(kPath);
  store_le(bytes.data() + 8, kFormatVersion + 1);
  seal(bytes, 0, kHeaderBytes - 4, 0);
  files->put(kPath, bytes);
  EXPECT_EQ(verify(*files, kPath, {}).error().detail("code"), kSnapshotUnknownVersion);
  EXPECT_EQ(load_it(*files).error().detail("code"), kSnapshotUnknownVersion);
}

TEST(Snapshot, whose_header_lies_is_refused) {
  const auto files = with_snapshot();
  const std::string good = files->content(kPath);
  // offset, time, chain is only compared with the log; definitions, instances, keys, hash.
  for (const size_t at : {32u, 40u, 56u, 64u, 72u, 80u, 88u}) {
    for (const uint64_t value : {uint64_t{0}, uint64_t{1} << 20, UINT64_MAX}) {
      std::string bytes = good;
      store_le(bytes.data() + at, value);
      seal(bytes, 0, kHeaderBytes - 4, 0);
      // The parts' checksums start from the header's, so they have to be made anew as well.
      const uint32_t seed = load_le<uint32_t>(bytes.data() + kHeaderBytes - 4);
      const uint32_t rows = load_le<uint32_t>(bytes.data() + kHeaderBytes + 16);
      seal(bytes, kHeaderBytes, kBlockHeaderBytes - 4, seed);
      Digest digest;
      digest.add(std::string_view(bytes).substr(0, kHeaderBytes));
      digest.add(std::string_view(bytes).substr(kHeaderBytes, kBlockHeaderBytes));
      digest.add(std::string_view(bytes).substr(kHeaderBytes + kBlockHeaderBytes, rows));
      const size_t trailer = bytes.size() - kTrailerBytes;
      store_le(bytes.data() + trailer + 32, digest.value().low);
      store_le(bytes.data() + trailer + 40, digest.value().high);
      seal(bytes, trailer, kTrailerBytes - 4, seed);
      expect_refused(*files, bytes, "header byte " + std::to_string(at));
    }
  }
}

TEST(Snapshot, whose_trailer_lies_is_refused) {
  const auto files = with_snapshot();
  const std::string good = files->content(kPath);
  const uint32_t seed = load_le<uint32_t>(good.data() + kHeaderBytes - 4);
  const size_t trailer = good.size() - kTrailerBytes;
  // blocks, rows, bytes of the file, digest.
  for (const size_t at : {8u, 16u, 24u, 32u, 40u}) {
    std::string bytes = good;
    store_le(bytes.data() + trailer + at, load_le<uint64_t>(good.data() + trailer + at) + 1);
    seal(bytes, trailer, kTrailerBytes - 4, seed);
    expect_refused(*files, bytes, "trailer byte " + std::to_string(at));
  }
}

TEST(Snapshot, reports_progress_to_its_end) {
  const auto files = with_snapshot();
  ReadProgress last;
  ASSERT_TRUE(load(*files, kPath,
                   {.state = {.hash_seed = 9},
                    .progress = [&last](const ReadProgress& now) { last = now; }})
                  .ok());
  EXPECT_EQ(last.bytes_total, files->content(kPath).size());
  EXPECT_EQ(last.bytes_done, last.bytes_total - kTrailerBytes);
  EXPECT_GT(last.rows_done, 5u);
}

TEST(Snapshot, a_block_may_be_as_long_as_the_limit_and_no_longer) {
  SimulatedFileSystem files;
  ASSERT_TRUE(files.make_folder(kTestFolder).ok());
  const auto writer = Writer::create(files, kPath, {}).value();
  EXPECT_TRUE(writer->write({std::string(limits::kSnapshotBlockBytesMax, 'x'), 1}).ok());
  EXPECT_DEATH(static_cast<void>(
                   writer->write({std::string(limits::kSnapshotBlockBytesMax + 1, 'x'), 1}).ok()),
               "kSnapshotBlockBytesMax");
  ASSERT_TRUE(writer->finish().ok());
  const auto reader = Reader::open(files, kPath).value();
  EXPECT_EQ(reader->next().value()->rows.size(), limits::kSnapshotBlockBytesMax);
  // A file that claims more is refused before anything is read for it.
  std::string bytes = files.content(kPath);
  store_le(bytes.data() + kHeaderBytes + 16,
           static_cast<uint32_t>(limits::kSnapshotBlockBytesMax + 1));
  seal(bytes, kHeaderBytes, kBlockHeaderBytes - 4,
       load_le<uint32_t>(bytes.data() + kHeaderBytes - 4));
  files.put(kPath, bytes);
  EXPECT_FALSE(Reader::open(files, kPath).value()->next().ok());
}

}  // namespace
}  // namespace rstmdb::snapshot
