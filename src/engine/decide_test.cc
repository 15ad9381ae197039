// What the scripts of testdata/ cannot say: what deciding may cost, and what an older release has
// left.
#include "engine/decide.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>

#include "base/limits.h"
#include "engine/state.h"
#include "json/document.h"

namespace rstmdb::engine {
namespace {

class DecideTest : public ::testing::Test {
 protected:
  void put(std::string_view machine, const std::string& text) {
    json::Document document;
    ASSERT_TRUE(document.parse(text).ok());
    auto definition = Definition::parse(document.root());
    ASSERT_TRUE(definition.ok()) << definition.error().to_string();
    PutMachine command;
    command.machine = machine;
    command.version = 1;
    command.definition = &*definition;
    ASSERT_TRUE(decider().decide(command).ok());
    commit();
  }
  void create(std::string_view machine, std::string_view id, std::string_view context = "{}") {
    CreateInstance command;
    command.machine = machine;
    command.version = 1;
    command.instance_id = id;
    command.context = context;
    ASSERT_TRUE(decider().decide(command).ok());
    commit();
  }
  static ApplyEvent event(std::string_view id) {
    ApplyEvent command;
    command.instance_id = id;
    command.event = "E";
    return command;
  }
  Decider decider() { return {bounds_, stamp_, draft_}; }
  void commit() {
    for (const Record& record : draft_.records()) state_.apply(record);
    draft_.clear();
  }

  Bounds bounds_{.machine_versions_max = 3,
                 .key_ttl_ms = 1'000,
                 .keys_max = 10,
                 .keys_bytes_max = size_t{64} * 1024 * 1024};
  Stamp stamp_;
  State state_{{.hash_seed = 3}};
  Draft draft_{state_};
};

constexpr const char* kPlain =
    R"({"states":["a"],"initial":"a","transitions":[{"from":"a","event":"E","to":"a"}]})";

/// A guard as long as one may be that reads `ctx.z` at every step, and holds for no context
/// without it.
std::string long_guard() {
  std::string guard = "ctx.z";
  while (guard.size() + 7 <= limits::kGuardBytesMax) guard += "||ctx.z";
  return guard;
}

TEST_F(DecideTest, GuardsLookAtSoMuchOfAContextForOneEvent) {
  // 65 look-ups: with a context of 1 MiB one more than fit, with one of 1,000,000 bytes few enough.
  std::string guard = "ctx.z";
  for (int i = 1; i < 65; ++i) guard += "||ctx.z";
  put("m",
      R"({"states":["a"],"initial":"a","transitions":[{"from":"a","event":"E","to":"a","guard":")" +
          guard + R"("}]})");
  const std::string frame = R"({"y":""})";
  create("m", "large",
         R"({"y":")" + std::string(limits::kContextBytesMax - frame.size(), 'y') + R"("})");
  create("m", "smaller", R"({"y":")" + std::string(1'000'000 - frame.size(), 'y') + R"("})");

  const auto refused = decider().decide(event("large"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kBadRequest);
  EXPECT_EQ(refused.error().detail("path"), "event");
  EXPECT_EQ(refused.error().detail("state"), "a");
  EXPECT_EQ(refused.error().detail("event"), "E");
  EXPECT_EQ(refused.error().detail_number("limit", 0),
            static_cast<int64_t>(limits::kGuardWorkBytesMax));
  EXPECT_EQ(decider().decide(event("smaller")).error().code(), Code::kGuardFailed);
  EXPECT_TRUE(draft_.empty());
}

// As many transitions as a definition may have, with the longest guard: 58 million look-ups, which
// held every other client up for as long as they took.
TEST_F(DecideTest, ADefinitionCannotMakeAnEventCostMoreThanThat) {
  std::string text = R"({"states":["a"],"initial":"a","transitions":[{"from":["a")";
  for (size_t i = 1; i < limits::kEdgesMax; ++i) text += R"(,"a")";
  text += R"(],"event":"E","to":"a","guard":")" + long_guard() + R"("}]})";
  put("m", text);
  create("m", "i");
  EXPECT_EQ(decider().decide(event("i")).error().detail("path"), "event");
}

double seconds_of(const auto& work) {
  const clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

// For its fingerprint a payload is sorted, which reads it once for each level.
TEST_F(DecideTest, APayloadThatIsTooLongIsNotSortedBefore) {
  put("m", kPlain);
  create("m", "i");
  const std::string many(size_t{14} * 1024 * 1024, '1');
  const int depth = 60;
  const std::string flat = R"({"a":")" + many + R"("})";
  const std::string deep =
      R"({"a":)" + std::string(depth, '[') + many + std::string(depth, ']') + "}";
  ApplyEvent command = event("i");
  command.key = "k";
  const auto refuse = [&](std::string_view payload) {
    command.payload = payload;
    EXPECT_EQ(decider().decide(command).error().detail("path"), "payload");
  };
  double flat_s = 0;
  double deep_s = 0;
  for (int round = 0; round < 3; ++round) {
    flat_s += seconds_of([&] { refuse(flat); });
    deep_s += seconds_of([&] { refuse(deep); });
  }
  EXPECT_LT(deep_s, 8 * flat_s + 0.1);
}

TEST_F(DecideTest, NoPayloadAndAnEmptyOneAreOneRequest) {
  put("m", kPlain);
  create("m", "i");
  for (const char* first : {"", "{}"}) {
    ApplyEvent command = event("i");
    command.key = first == std::string_view() ? "none" : "empty";
    command.payload = first;
    ASSERT_TRUE(decider().decide(command).value().applied);
    commit();
    for (const char* again : {"", "{}"}) {
      command.payload = again;
      const auto answer = decider().decide(command);
      ASSERT_TRUE(answer.ok()) << first << " then " << again;
      EXPECT_FALSE(answer->applied);
    }
    command.payload = R"({"n":1})";
    EXPECT_EQ(decider().decide(command).error().detail("code"), "IDEMPOTENCY_MISMATCH");
  }
}

// 0.2.0 kept this fingerprint for event E with the payload {}.
TEST_F(DecideTest, AnEmptyPayloadUnderAnOldersKeyIsKnownAgain) {
  put("m", kPlain);
  create("m", "i");
  ApplyEvent command = event("i");
  command.key = "k";
  ASSERT_TRUE(decider().decide(command).ok());
  Record record = draft_.records().back();
  record.key.fingerprint =
      hash128(std::string("\x01"
                          "E{}\0\0\0\0",
                          8));
  draft_.clear();
  state_.apply(record);
  for (const char* payload : {"", "{}"}) {
    command.payload = payload;
    const auto answer = decider().decide(command);
    ASSERT_TRUE(answer.ok()) << payload << answer.error().to_string();
    EXPECT_FALSE(answer->applied);
  }
}

TEST_F(DecideTest, AnEventThatMakesAnInstanceLongerMakesTheStateLarger) {
  put("m", kPlain);
  create("m", "i", R"({"n":12})");
  const auto grows = [&](std::string_view payload, std::string_view event_id) {
    ApplyEvent command = event("i");
    command.payload = payload;
    command.event_id = event_id;
    EXPECT_TRUE(decider().decide(command).ok());
    return draft_.grows_state();
  };
  EXPECT_FALSE(grows("", ""));
  draft_.clear();
  EXPECT_TRUE(grows("", "e1"));
  commit();
  EXPECT_FALSE(grows("", "e2")) << "as long as the one before";
  draft_.clear();
  EXPECT_FALSE(grows("", "")) << "the one before stays";
  draft_.clear();
  EXPECT_FALSE(grows(R"({"n":1})", "e-3")) << "what the one takes the other gives";
  draft_.clear();
  EXPECT_TRUE(grows(R"({"n":12})", "e-3"));
}

}  // namespace
}  // namespace rstmdb::engine
