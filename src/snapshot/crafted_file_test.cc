// Snapshot files whose checksums are right and that lie, and files that fail or change while they
// are read: what is refused, with which code, at which byte.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "snapshot/damage.h"
#include "snapshot/reader.h"
#include "snapshot/snapshot_test_support.h"

namespace rstmdb::snapshot {
namespace {

using io::SimulatedFileSystem;
using Call = SimulatedFileSystem::Call;
using Change = std::function<void(char* part)>;

const std::string kPath = kTestFolder + "/s";

uint32_t seal(char* part, size_t size, uint32_t seed) {
  const uint32_t crc = crc32c({part, size - 4}, seed);
  store_le(part + size - 4, crc);
  return crc;
}

/// A snapshot in parts. Each part can be changed before its checksum is made.
struct Crafted {
  Header header;
  std::vector<engine::RowBlock> blocks;
  Change in_header = [](char*) {};
  Change in_block = [](char*) {};  // in each block's header
  Change in_trailer = [](char*) {};

  std::string bytes() const {
    std::string file(kHeaderBytes, '\0');
    encode(header, file.data());
    in_header(file.data());
    const uint32_t seed = seal(file.data(), kHeaderBytes, 0);
    Digest digest;
    digest.add(file);
    Trailer trailer;
    for (const engine::RowBlock& block : blocks) {
      std::string part(kBlockHeaderBytes, '\0');
      encode(BlockHeader{.number = ++trailer.blocks,
                         .bytes = static_cast<uint32_t>(block.bytes.size()),
                         .rows = block.rows,
                         .rows_crc = crc32c(block.bytes)},
             seed, part.data());
      in_block(part.data());
      seal(part.data(), kBlockHeaderBytes, seed);
      digest.add(part);
      digest.add(block.bytes);
      trailer.rows += block.rows;
      file += part + block.bytes;
    }
    std::string part(kTrailerBytes, '\0');
    trailer.file_bytes = file.size() + kTrailerBytes;
    trailer.digest = digest.value();
    encode(trailer, seed, part.data());
    in_trailer(part.data());
    seal(part.data(), kTrailerBytes, seed);
    return file + part;
  }
};

template <class T>
Change number_at(size_t at, T value) {
  return [at, value](char* part) { store_le(part + at, value); };
}

class CraftedSnapshot : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.make_folder(kTestFolder).ok());
    engine::StateWalk walk(full_history().state());
    while (!walk.done()) walk.advance(3, 1'000);
    good_.header = {.database = test_database(), .facts = walk.facts(), .chain = {}};
    good_.blocks = walk.take_blocks();
    ASSERT_EQ(good_.blocks.size(), 1u);
  }
  /// What both readers say of it: "" or the code and the byte that is refused.
  std::string refused(const Crafted& crafted) {
    files_.put(kPath, crafted.bytes());
    std::vector<Result<void>> outcomes;
    const auto note = [&](auto outcome) {
      outcomes.push_back(outcome.ok() ? Result<void>() : Result<void>(outcome.error()));
    };
    note(verify(files_, kPath, {}));
    for (const io::Ahead ahead : {io::Ahead::kInline, io::Ahead::kThread})
      note(load(files_, kPath, {.state = {.hash_seed = 9}, .ahead = ahead}));
    for (const Result<void>& outcome : outcomes) {
      EXPECT_EQ(outcome.ok(), outcomes[0].ok());
      if (outcome.ok() || outcomes[0].ok()) continue;
      EXPECT_EQ(outcome.error().code(), Code::kWalIoError);
      EXPECT_EQ(outcome.error().detail("file"), kPath);
      EXPECT_EQ(outcome.error().detail("code"), outcomes[0].error().detail("code"));
      EXPECT_EQ(outcome.error().detail_number("byte", -1),
                outcomes[0].error().detail_number("byte", -2));
    }
    if (outcomes[0].ok()) return "";
    const Error& error = outcomes[0].error();
    return std::string(error.detail("code")) + " " +
           std::to_string(error.detail_number("byte", -1));
  }
  static std::string damaged_at(size_t byte) {
    return std::string(kSnapshotDamaged) + " " + std::to_string(byte);
  }
  static std::string unknown_at(size_t byte) {
    return std::string(kSnapshotUnknownVersion) + " " + std::to_string(byte);
  }
  size_t rows_at() const { return kHeaderBytes + kBlockHeaderBytes; }
  size_t trailer_at() const { return rows_at() + good_.blocks[0].bytes.size(); }

  SimulatedFileSystem files_;
  Crafted good_;
};

TEST_F(CraftedSnapshot, is_read_when_nothing_is_changed) {
  EXPECT_EQ(refused(good_), "");
  Crafted empty;
  empty.header.facts = engine::State({.hash_seed = 1}).facts();
  EXPECT_EQ(refused(empty), "");
}

TEST_F(CraftedSnapshot, of_a_later_version_is_refused_as_such_at_each_part) {
  Crafted later = good_;
  later.in_header = number_at<uint32_t>(12, kHeaderBytes + 4);
  EXPECT_EQ(refused(later), unknown_at(0));
  later.in_header = number_at<uint8_t>(96, 1);
  EXPECT_EQ(refused(later), unknown_at(0));
  later = good_;
  later.in_block = number_at<uint32_t>(4, 2);
  EXPECT_EQ(refused(later), unknown_at(kHeaderBytes));
  later = good_;
  later.in_trailer = number_at<uint8_t>(48, 1);
  EXPECT_EQ(refused(later), unknown_at(trailer_at()));
}

TEST_F(CraftedSnapshot, whose_blocks_are_others_than_it_says_is_refused) {
  Crafted lying = good_;
  lying.in_block = number_at<uint64_t>(8, 2);
  EXPECT_EQ(refused(lying), damaged_at(kHeaderBytes)) << "the second";
  lying.in_block = number_at<uint32_t>(16, 1 << 20);
  EXPECT_EQ(refused(lying), damaged_at(rows_at())) << "longer than the file";
  lying.in_block = number_at<uint32_t>(24, 1);
  EXPECT_EQ(refused(lying), damaged_at(rows_at())) << "checksum of the rows";
  lying = good_;
  lying.blocks[0].rows += 1;
  EXPECT_EQ(refused(lying), damaged_at(rows_at())) << "a row more";
  lying.blocks[0].rows -= 2;
  EXPECT_EQ(refused(lying), damaged_at(rows_at())) << "a row less";
  lying = good_;
  lying.blocks[0].bytes += "\x7f";
  EXPECT_EQ(refused(lying), damaged_at(trailer_at())) << "a row of no kind behind the last";
  lying.blocks[0].bytes = good_.blocks[0].bytes + good_.blocks[0].bytes;
  EXPECT_EQ(refused(lying).substr(0, kSnapshotDamaged.size()), kSnapshotDamaged) << "all twice";
}

TEST_F(CraftedSnapshot, whose_trailer_counts_something_else_is_refused) {
  for (const size_t at : {8u, 16u, 24u, 32u, 40u}) {
    Crafted lying = good_;
    lying.in_trailer = [at](char* part) {
      store_le<uint64_t>(part + at, load_le<uint64_t>(part + at) + 1);
    };
    EXPECT_EQ(refused(lying), damaged_at(trailer_at())) << at;
  }
}

TEST_F(CraftedSnapshot, whose_header_announces_a_row_that_does_not_come_is_refused) {
  uint64_t engine::StateFacts::* const counts[] = {&engine::StateFacts::definitions,
                                                   &engine::StateFacts::instances,
                                                   &engine::StateFacts::keys};
  for (const auto count : counts) {
    Crafted lying = good_;
    lying.header.facts.*count += 1;
    EXPECT_EQ(refused(lying), damaged_at(56)) << "at the header's counts";
  }
}

TEST_F(CraftedSnapshot, whichever_call_of_a_reader_fails_it_says_so) {
  files_.put(kPath, good_.bytes());
  const std::function<Result<void>()> readers[] = {
      [&]() -> Result<void> {
        RSTMDB_TRY(verify(files_, kPath, [](const ReadProgress&) {}));
        return {};
      },
      [&]() -> Result<void> {
        RSTMDB_TRY(load(files_, kPath, {.state = {.hash_seed = 9}}));
        return {};
      }};
  for (const auto& read : readers) {
    const uint64_t before = files_.calls();
    ASSERT_TRUE(read().ok());
    const uint64_t calls = files_.calls() - before;
    EXPECT_GT(calls, 5u);
    for (uint64_t nth = 1; nth <= calls; ++nth) {
      files_.inject({.nth = nth, .error_number = ENOMEM});
      const auto outcome = read();
      files_.clear_faults();
      ASSERT_FALSE(outcome.ok()) << nth;
      EXPECT_EQ(outcome.error().detail_number("errno", 0), ENOMEM) << nth;
    }
  }
}

TEST_F(CraftedSnapshot, that_becomes_shorter_while_it_is_read_is_damage) {
  const std::string good = good_.bytes();
  for (const int nth : {1, 2, 3, 4}) {  // header, block header, rows, trailer
    files_.put(kPath, good);
    int reads = 0;
    files_.before_each_call([&](Call call, const std::string&) {
      if (call == Call::kRead && ++reads == nth) files_.put(kPath, "");
    });
    const auto verified = verify(files_, kPath, {});
    files_.before_each_call({});
    ASSERT_FALSE(verified.ok()) << nth;
    EXPECT_EQ(verified.error().detail("code"), kSnapshotDamaged);
    const size_t places[] = {0, kHeaderBytes, rows_at(), trailer_at()};
    EXPECT_EQ(verified.error().detail_number("byte", -1), static_cast<int64_t>(places[nth - 1]));
  }
}

}  // namespace
}  // namespace rstmdb::snapshot
