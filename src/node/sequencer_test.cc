// A write becomes one unit: its records in the order of their commands, numbered when they are
// a batch.
#include "node/sequencer.h"

#include <gtest/gtest.h>

#include "node/compaction_test_support.h"

namespace rstmdb::node {
namespace {

class SequencerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(bench_.open().ok());
    std::mt19937_64 chance(1);
    ASSERT_TRUE(bench_.write(chance, model_)) << "the machine";
    bench_.turn(model_);
  }

  /// One write that creates these instances; returns the places that its records in the log name.
  std::vector<std::pair<uint32_t, uint32_t>> places_of(const std::vector<std::string>& ids) {
    const log::Offset first = bench_.node().head() + 1;
    auto write = bench_.node().write({});
    EXPECT_TRUE(write.ok());
    for (const std::string& id : ids) {
      engine::CreateInstance create;
      create.machine = "m";
      create.version = 1;
      create.instance_id = id;
      create.context = "{}";
      EXPECT_TRUE(write->decide(create).ok());
    }
    EXPECT_EQ(write->commit().value(), first + ids.size() - 1);
    bench_.turn(model_);
    const auto cursor = bench_.log().read_from(first).value();
    const log::Unit unit = cursor->next().value().value();
    EXPECT_EQ(unit.first_offset, first);
    EXPECT_EQ(unit.record_count, ids.size());
    std::vector<std::pair<uint32_t, uint32_t>> places;
    engine::ChainHash chain;
    engine::RecordReader reader(unit.bytes, chain);
    reader.adopt_chain();
    while (!reader.at_end()) {
      const engine::Record record = reader.next().value();
      EXPECT_EQ(record.offset, first + places.size());
      EXPECT_EQ(record.instance_id, ids[places.size()]);
      places.emplace_back(record.batch_index, record.batch_size);
    }
    return places;
  }

  Model model_;
  io::SimulatedFileSystem files_;
  NodeBench bench_{files_};
};

using Places = std::vector<std::pair<uint32_t, uint32_t>>;

TEST_F(SequencerTest, the_records_of_a_batch_say_where_in_it_they_stand) {
  EXPECT_EQ(places_of({"x", "y", "z"}), (Places{{0, 3}, {1, 3}, {2, 3}}));
}

TEST_F(SequencerTest, a_record_alone_is_no_batch) { EXPECT_EQ(places_of({"x"}), (Places{{0, 0}})); }

}  // namespace
}  // namespace rstmdb::node
