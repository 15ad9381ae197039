#include "engine/instances.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "engine/rows.h"

namespace rstmdb::engine {
namespace {

std::string some_text(std::mt19937_64& random, size_t size_max) {
  std::string text(random() % (size_max + 1), '\0');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

// Texts are written over each other in place, also when one of them is the instance's own.
TEST(Instance, TextsAreWhatWasSetWhateverWasThereBefore) {
  std::mt19937_64 random(1);
  for (const size_t size_max : {20u, 200u, 5'000u}) {
    Instance instance;
    const std::string id = "id-" + some_text(random, 30);
    instance.set_texts(id, "", "");
    std::string context;
    std::string event_id;
    for (int i = 0; i < 20'000; ++i) {
      const uint64_t kept = random() % 4;
      if (kept != 0) context = some_text(random, size_max);
      if (kept != 1) event_id = some_text(random, 40);
      instance.set_texts(instance.id(), kept == 0 ? instance.context() : context,
                         kept == 1 ? instance.last_event_id() : event_id);
      ASSERT_EQ(instance.id(), id);
      ASSERT_EQ(instance.context(), context);
      ASSERT_EQ(instance.last_event_id(), event_id);
    }
  }
}

TEST(Instance, TextsThatNeedAsMuchRoomStayWhereTheyAre) {
  Instance instance;
  instance.set_texts("id", std::string(150, 'a'), "");
  const char* const before = instance.id().data();
  instance.set_texts(instance.id(), std::string(158, 'b'), "");  // 160 bytes
  EXPECT_EQ(instance.id().data(), before);
  instance.set_texts(instance.id(), std::string(127, 'c'), "");  // 129 bytes
  EXPECT_EQ(instance.id().data(), before);
  EXPECT_EQ(instance.context(), std::string(127, 'c'));
}

TEST(Instance, TheHashIsThatOfTheLastSeal) {
  Instance instance;
  instance.set_texts("id", "{}", "");
  instance.seal();
  const Hash128 first = instance.hash();
  EXPECT_EQ(first, instance.row(5).hash());
  instance.last_offset = 4;
  EXPECT_EQ(instance.hash(), first);
  instance.seal();
  EXPECT_NE(instance.hash(), first);
  EXPECT_EQ(instance.hash(), instance.row(0).hash());
}

TEST(Instances, LookingAheadChangesNothing) {
  Instances instances(3);
  std::vector<std::string_view> ids = {"unknown"};
  instances.prefetch(ids);
  instances.prefetch({});
  std::vector<std::string> names;
  for (int i = 0; i < 5'000; ++i) names.push_back("i-" + std::to_string(i));
  for (const std::string& name : names) {
    instances.add(name, std::string(name.size() * 200, 'x'));
    ids.push_back(name);
    ids.push_back("");
    ids.push_back(name);
  }
  instances.prefetch(ids);
  ASSERT_EQ(instances.size(), names.size());
  for (Slot slot = 0; slot < names.size(); ++slot) {
    ASSERT_EQ(instances.find(names[slot]), slot);
    ASSERT_EQ(instances.at(slot).context().size(), names[slot].size() * 200);
  }
  EXPECT_FALSE(instances.find("unknown"));
  EXPECT_FALSE(instances.find(""));
}

TEST(Instances, ARestoredRowHasItsSlotAndKeepsOthersOut) {
  Instances instances(3);
  const auto row = [](Slot slot, std::string_view id) {
    return InstanceRow{.slot = slot, .id_size = id.size(), .context_size = 0, .texts = id};
  };
  const auto restore = [&instances](const InstanceRow& of) {
    return instances.restore(of, of.hash());
  };
  EXPECT_TRUE(restore(row(3'000, "late")));
  EXPECT_EQ(instances.size(), 3'001u);
  EXPECT_FALSE(restore(row(3'000, "other")));
  EXPECT_FALSE(restore(row(1, "late")));
  EXPECT_FALSE(instances.find("other"));
  EXPECT_TRUE(restore(row(1, "early")));
  EXPECT_EQ(instances.find("early"), Slot{1});
  EXPECT_EQ(instances.find("late"), Slot{3'000});
  EXPECT_EQ(instances.at(1).hash(), row(1, "early").hash());
}

}  // namespace
}  // namespace rstmdb::engine
