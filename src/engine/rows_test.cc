// Rows by themselves: each reads back as it was, and bytes that append_row has not written are
// refused with the place of their row.
#include "engine/rows.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"

namespace rstmdb::engine {
namespace {

const DefinitionRow kDefinition{.index = 3, .version = 300, .machine = "order", .canonical = "{}"};
const InstanceRow kInstance{.slot = 1'000,
                            .definition = 2,
                            .state = 7,
                            .deleted = true,
                            .last_offset = 812,
                            .created_at = -1,  // the times of a log may lie before 1970
                            .updated_at = 1'700'000'000'123,
                            .id_size = 3,
                            .context_size = 2,
                            .texts = "i-1{}e-1"};
const KeyRow kKey{.scope = "scope",
                  .fingerprint = {1, UINT64_MAX},
                  .expires_at = 5,
                  .offset = 811,
                  .definition = 1,
                  .from = 2,
                  .to = 3,
                  .instance_id = "i-1",
                  .context = "{}",
                  .event_id = ""};

template <class T>
std::string bytes_of(const T& row) {
  std::string bytes;
  append_row(bytes, row);
  return bytes;
}

TEST(Rows, read_back_one_after_the_other) {
  const std::string bytes = bytes_of(kDefinition) + bytes_of(kInstance) + bytes_of(kKey);
  RowReader reader(bytes);
  const Row definition = reader.next().value();
  const Row instance = reader.next().value();
  const Row key = reader.next().value();
  EXPECT_TRUE(reader.at_end());
  EXPECT_EQ(std::get<DefinitionRow>(definition).hash(), kDefinition.hash());
  EXPECT_EQ(std::get<DefinitionRow>(definition).index, kDefinition.index);
  EXPECT_EQ(std::get<InstanceRow>(instance).hash(), kInstance.hash());
  EXPECT_EQ(std::get<InstanceRow>(instance).slot, kInstance.slot);
  EXPECT_EQ(std::get<InstanceRow>(instance).id(), "i-1");
  EXPECT_EQ(std::get<InstanceRow>(instance).context(), "{}");
  EXPECT_EQ(std::get<InstanceRow>(instance).last_event_id(), "e-1");
  EXPECT_EQ(std::get<KeyRow>(key).hash(), kKey.hash());
}

/// `bytes` behind a row that is right.
void expect_refused(const std::string& bytes, std::string_view reason) {
  const std::string before = bytes_of(kDefinition);
  const std::string rows = before + bytes;
  RowReader reader(rows);
  ASSERT_TRUE(reader.next().ok());
  const auto refused = reader.next();
  ASSERT_FALSE(refused.ok()) << bytes.size();
  EXPECT_EQ(refused.error().code(), Code::kInternalError);
  EXPECT_EQ(refused.error().detail("code"), "ROW_DAMAGED");
  EXPECT_EQ(refused.error().detail("reason"), reason);
  EXPECT_EQ(refused.error().detail_number("byte", -1), static_cast<int64_t>(before.size()));
}
constexpr std::string_view kNoFit = "its fields do not fit its bytes";

TEST(Rows, cut_anywhere_are_refused) {
  for (const std::string& good : {bytes_of(kDefinition), bytes_of(kInstance), bytes_of(kKey)})
    for (size_t size = 1; size < good.size(); ++size) expect_refused(good.substr(0, size), kNoFit);
}

TEST(Rows, of_no_kind_are_refused) {
  for (const char kind : {'\0', '\4', '\x7f', '\xff'})
    expect_refused(kind + bytes_of(kKey).substr(1), "its kind is unknown");
}

/// A row whose numbers are these, with texts behind them that would do.
std::string instance_of(const std::vector<uint64_t>& numbers, uint8_t deleted = 0) {
  std::string bytes = "\2";
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i == 3) bytes.push_back(static_cast<char>(deleted));
    append_varint(bytes, numbers[i]);
  }
  return bytes + "i{}";
}

TEST(Rows, of_instances_with_numbers_that_cannot_be_are_refused) {
  // slot, definition, state; last offset, created, updated; sizes of id, context and event id
  const std::vector<uint64_t> good = {1, 2, 3, 4, 5, 6, 1, 2, 0};
  const std::string well = instance_of(good);
  EXPECT_TRUE(RowReader(well).next().ok());
  const std::pair<size_t, uint64_t> largest[] = {{0, UINT32_MAX}, {1, UINT32_MAX}, {2, UINT16_MAX},
                                                 {6, UINT16_MAX}, {7, UINT32_MAX}, {8, UINT16_MAX}};
  for (const auto& [place, most] : largest) {
    std::vector<uint64_t> numbers = good;
    numbers[place] = most;
    if (place < 3) {
      const std::string bytes = instance_of(numbers);
      EXPECT_TRUE(RowReader(bytes).next().ok()) << place;
    }
    for (const uint64_t more : {most + 1, (uint64_t{1} << 32) + good[place], UINT64_MAX}) {
      numbers[place] = more;
      expect_refused(instance_of(numbers), kNoFit);
    }
  }
  for (const unsigned deleted : {2u, 255u})
    expect_refused(instance_of(good, static_cast<uint8_t>(deleted)), kNoFit);
  expect_refused(instance_of({1, 2, 3, 4, 5, 6, 0, 3, 0}), kNoFit);  // an instance has an id
}

}  // namespace
}  // namespace rstmdb::engine
