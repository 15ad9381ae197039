// Random histories by seed, for tests: a few machines, instances and keys, and everything that can
// happen to them.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/decide.h"
#include "engine/state.h"

namespace rstmdb::engine {

/// What a count of histories is divided by: the thread sanitizer makes an engine, which has no
/// threads to look at, thirty times slower.
#ifdef __SANITIZE_THREAD__
inline constexpr uint64_t kSlowness = 10;
#else
inline constexpr uint64_t kSlowness = 1;
#endif

inline constexpr int kHistoryCommands = 60;

inline constexpr const char* kHistoryDefinitions[] = {
    R"({"states":["a","b","c"],"initial":"a","transitions":[
        {"from":"a","event":"E","to":"b"},{"from":"b","event":"E","to":"c","guard":"ctx.n > 3"},
        {"from":"b","event":"E","to":"a"},{"from":["b","c"],"event":"F","to":"a"}]})",
    R"({"states":["b","x"],"initial":"b","transitions":[
        {"from":"b","event":"E","to":"x","guard":"ctx.flag"},{"from":"x","event":"F","to":"b"}]})",
};

class RandomHistory {
 public:
  explicit RandomHistory(uint64_t seed) : random_(seed) {
    for (const char* text : kHistoryDefinitions) {
      json::Document document;
      EXPECT_TRUE(document.parse(text).ok());
      definitions_.push_back(Definition::parse(document.root()).value());
    }
    // Few keys and a short life, so that expiry and eviction happen in every history.
    bounds_ = {.machine_versions_max = 3, .key_ttl_ms = 200, .keys_max = 6, .keys_bytes_max = 4096};
  }

  int command_count = kHistoryCommands;
  /// Runs before each unit is decided.
  std::function<void()> between = [] {};

  void run() {
    for (const auto& [machine, version] : {std::pair("m", 1u), {"m", 2u}, {"n", 1u}}) {
      draft_.clear();
      stamp_.now_ms = now_;
      PutMachine command;
      command.machine = machine;
      command.version = version;
      command.definition = &definitions_[version - 1];
      ASSERT_TRUE((Decider{bounds_, stamp_, draft_}.decide(command).ok()));
      commit();
    }
    for (int i = 0; i < command_count; ++i) {
      stamp_.now_ms = std::max<int64_t>(state_.last_ts(), now_ += pick(40));
      between();
      draft_.clear();
      texts_.clear();
      const bool atomic = pick(5) == 0;
      const int commands = atomic ? 1 + pick(6) : 1;
      bool refused = false;
      for (int c = 0; c < commands; ++c) refused |= !one();
      if (atomic && refused) draft_.clear();
      commit();
    }
  }

  size_t records() const { return state_.last_offset(); }
  State& state() { return state_; }
  const std::vector<std::string>& units() const { return units_; }
  /// The state's hash after each unit.
  const std::vector<Hash128>& hashes() const { return hashes_; }
  ChainHash chain() const { return chain_; }

 private:
  int pick(int below) { return static_cast<int>(random_() % static_cast<uint64_t>(below)); }
  std::string_view text(std::string value) { return texts_.emplace_back(std::move(value)); }
  std::string_view key() {
    return pick(2) == 0 ? std::string_view() : text("k" + std::to_string(pick(5)));
  }
  std::string_view some_id() { return text("i" + std::to_string(pick(8))); }
  std::string_view some_json() {
    static constexpr const char* kTexts[] = {
        R"({})",
        R"({"n":5})",
        R"({"n":1,"flag":true})",
        R"({"s":"é\"","deep":{"a":[1,2.50]}})",
        R"({"n":123456789012345678901234567890})",
    };
    return kTexts[pick(5)];
  }

  bool one() {
    // A flush is a unit of its own.
    if (!draft_.empty() && draft_.records().back().kind == RecordKind::kFlushAll) return true;
    const Decider decider{bounds_, stamp_, draft_};
    switch (pick(12)) {
      case 0: {
        if (!draft_.empty()) return true;
        PutMachine command;
        command.machine = pick(2) == 0 ? "m" : "n";
        command.version = static_cast<uint32_t>(1 + pick(3));
        command.definition = &definitions_[static_cast<size_t>(pick(2))];
        return decider.decide(command).ok();
      }
      case 1:
      case 2:
      case 3: {
        CreateInstance command;
        command.machine = pick(2) == 0 ? "m" : "n";
        command.version = static_cast<uint32_t>(1 + pick(2));
        if (pick(3) != 0) {
          command.instance_id = some_id();
        } else {
          command.generated_id = text("g" + std::to_string(random_()));
        }
        command.context = some_json();
        command.key = key();
        return decider.decide(command).ok();
      }
      case 4: {
        DeleteInstance command;
        command.instance_id = some_id();
        command.key = key();
        return decider.decide(command).ok();
      }
      case 5: {
        if (pick(20) != 0 || !draft_.empty()) return true;
        decider.decide(FlushAll{});
        return true;
      }
      default: {
        ApplyEvent command;
        command.instance_id = some_id();
        command.event = pick(2) == 0 ? "E" : "F";
        if (pick(3) != 0) command.payload = some_json();
        if (pick(8) == 0) command.expected_state = "a";
        if (pick(8) == 0) command.expected_offset = state_.last_offset();
        if (pick(4) == 0) command.event_id = text("e" + std::to_string(pick(100)));
        command.key = key();
        return decider.decide(command).ok();
      }
    }
  }

  void commit() {
    if (draft_.empty()) return;
    if (draft_.records().size() > 1) draft_.number_batch();
    std::string unit;
    for (const Record& record : draft_.records()) append_record(unit, record, chain_);
    for (const Record& record : draft_.records()) state_.apply(record);
    units_.push_back(std::move(unit));
    hashes_.push_back(state_.hash());
  }

  std::mt19937_64 random_;
  std::vector<Definition> definitions_;
  Bounds bounds_{};
  Stamp stamp_;
  int64_t now_ = 1000;
  State state_{{.hash_seed = 3}};
  Draft draft_{state_};
  ChainHash chain_;
  std::deque<std::string> texts_;
  std::vector<std::string> units_;
  std::vector<Hash128> hashes_;
};

}  // namespace rstmdb::engine
