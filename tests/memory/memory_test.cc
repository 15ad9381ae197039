// An instance with a context of 150 bytes takes its id, its context and at most 120 bytes: row,
// index, sets for lists, and what the allocator rounds up (a quarter at most, so more for larger
// ones). Counted by the allocator itself.
#include <gtest/gtest.h>
#include <jemalloc/jemalloc.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>

#include "engine/state.h"

namespace rstmdb::engine {
namespace {

constexpr double kExtraBytesMax = 120;
constexpr uint64_t kInstances = 1'000'000;

uint64_t allocated() {
  uint64_t epoch = 1;
  EXPECT_EQ(mallctl("epoch", nullptr, nullptr, &epoch, sizeof epoch), 0);
  size_t bytes = 0;
  size_t size = sizeof bytes;
  EXPECT_EQ(mallctl("stats.allocated", &bytes, &size, nullptr, 0), 0);
  return bytes;
}

class InstanceMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    Record put;
    put.kind = RecordKind::kPutMachine;
    put.offset = ++offset_;
    put.machine = "m";
    put.version = 1;
    put.context = R"({"initial":"a","states":["a","b","c","d"],"transitions":[]})";
    state_.apply(put);
    before_ = allocated();
  }

  void create(const std::string& id, const std::string& context) {
    Record record;
    record.kind = RecordKind::kCreateInstance;
    record.offset = ++offset_;
    record.machine = "m";
    record.version = 1;
    record.instance_id = id;
    record.to_state = "a";
    record.context = context;
    state_.apply(record);
    text_bytes_ += id.size() + context.size();
  }

  void apply(const std::string& id, const char* to, const std::string& context) {
    const Instance& instance = state_.instances().at(*state_.instances().find(id));
    const std::string from = state_.machines().at(0).state_name(instance.state);
    Record record;
    record.kind = RecordKind::kApplyEvent;
    record.offset = ++offset_;
    record.instance_id = id;
    record.from_state = from;
    record.to_state = to;
    record.context = context;
    text_bytes_ += context.size();
    text_bytes_ -= instance.context().size();
    state_.apply(record);
  }

  double extra_bytes() const {
    return (static_cast<double>(allocated() - before_) - static_cast<double>(text_bytes_)) /
           state_.instances().size();
  }

  /// The most that was taken at any of many sizes: an index that has just grown is the emptiest.
  double most_while_creating(const std::function<std::string(uint64_t)>& id_of,
                             size_t context_bytes) {
    const std::string context(context_bytes, 'x');
    double most = 0;
    for (uint64_t i = 0; i < kInstances; ++i) {
      create(id_of(i), context);
      if (i >= kInstances / 10 && i % 5'000 == 0) most = std::max(most, extra_bytes());
    }
    return std::max(most, extra_bytes());
  }

  State state_{{.hash_seed = 3}};
  uint64_t offset_ = 0;
  uint64_t before_ = 0;
  uint64_t text_bytes_ = 0;
};

std::string numbered(uint64_t number) {
  char id[32];
  std::snprintf(id, sizeof id, "i-%08llu", static_cast<unsigned long long>(number));
  return id;
}

std::string uuid_like(uint64_t number) {
  char id[40];
  std::snprintf(id, sizeof id, "01890000-0000-7000-8000-%012llx",
                static_cast<unsigned long long>(number));
  return id;
}

TEST_F(InstanceMemory, NumberedIdsWithContextsOf150Bytes) {
  const double most = most_while_creating(numbered, 150);
  std::printf("at most %.1f bytes beyond id and context\n", most);
  EXPECT_LE(most, kExtraBytesMax);
  EXPECT_GT(most, sizeof(Instance));
}

TEST_F(InstanceMemory, UuidsWithContextsOf150Bytes) {
  const double most = most_while_creating(uuid_like, 150);
  std::printf("at most %.1f bytes beyond id and context\n", most);
  EXPECT_LE(most, kExtraBytesMax);
}

// 161 bytes of text, of which the allocator makes 192: no size below is rounded up further.
TEST_F(InstanceMemory, TextsThatFitTheAllocatorWorst) {
  const double most = most_while_creating(numbered, 151);
  std::printf("at most %.1f bytes beyond id and context\n", most);
  EXPECT_LE(most, kExtraBytesMax);
}

// Moves through all states and contexts that grow and shrink leave nothing behind.
TEST_F(InstanceMemory, AfterEventsOfEveryKind) {
  most_while_creating(numbered, 150);
  const char* const states[] = {"b", "c", "d", "a"};
  for (uint64_t i = 0; i < 2 * kInstances; ++i) {
    const uint64_t number = i * 7'919 % kInstances;
    apply(numbered(number), states[(i + number) % 4], std::string(100 + i % 83, 'y'));
  }
  const double extra = extra_bytes();
  std::printf("%.1f bytes beyond id and context\n", extra);
  EXPECT_LE(extra, kExtraBytesMax);
  EXPECT_EQ(state_.hash(), state_.hash_by_walk());
}

}  // namespace
}  // namespace rstmdb::engine
