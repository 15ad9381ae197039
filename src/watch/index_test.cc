#include "watch/index.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>

#include "base/limits.h"

namespace rstmdb::watch {
namespace {

Filter transitions() {
  Filter filter;
  filter.kinds.add(ChangeKind::kTransition);
  return filter;
}

Change transition(std::string_view instance = "i", std::string_view machine = "m",
                  std::string_view event = "E", std::string_view from = "a",
                  std::string_view to = "b") {
  Change change;
  change.offset = 7;
  change.instance_id = instance;
  change.machine = machine;
  change.event = event;
  change.from_state = from;
  change.to_state = to;
  return change;
}

std::vector<std::string> names(std::string_view prefix, size_t count) {
  std::vector<std::string> made;
  for (size_t i = 0; i < count; ++i) made.push_back(std::string(prefix) + std::to_string(i));
  return made;
}

std::vector<Indexed*> found_by(Index& index, const Change& change) {
  std::vector<Indexed*> found;
  index.find(change, found);
  return found;
}

TEST(Index, FindsWhoWantsAChangeAndNobodyElse) {
  Index index(1);
  std::deque<Indexed> watchers(5);
  for (Indexed& watcher : watchers) watcher.filter = transitions();
  watchers[0].filter.instance_id = "i";
  watchers[1].filter.machines = {"m", "n"};
  watchers[2].filter.to_states = {"c"};
  watchers[3].filter.instance_id = "other";
  watchers[4].filter.kinds = {};
  watchers[4].filter.kinds.add(ChangeKind::kDelete);
  for (Indexed& watcher : watchers) {
    watcher.filter.normalise();
    index.add(watcher);
  }
  EXPECT_EQ(found_by(index, transition()), (std::vector<Indexed*>{&watchers[0], &watchers[1]}));
  EXPECT_EQ(found_by(index, transition("x", "x", "E", "a", "c")),
            std::vector<Indexed*>{&watchers[2]});
  Change deletion = transition("x");
  deletion.kind = ChangeKind::kDelete;
  EXPECT_EQ(found_by(index, deletion), std::vector<Indexed*>{&watchers[4]});
  for (Indexed& watcher : watchers) index.remove(watcher);
  EXPECT_TRUE(index.empty());
  EXPECT_TRUE(found_by(index, transition()).empty());
  const uint64_t before = index.lookups();
  EXPECT_FALSE(index.wanted(transition()));
  EXPECT_EQ(index.lookups(), before) << "no mask is in use any more";
}

/// The promise of the index: what a change costs does not grow with those who do not want it.
TEST(Index, AChangeCostsItsOwnWatchersHoweverManyThereAre) {
  constexpr size_t kMany = 100'000;
  Index index(1);
  std::deque<Indexed> watchers(kMany + 3);
  for (size_t i = 0; i < kMany; ++i) {
    Filter& filter = watchers[i].filter = transitions();
    const std::string number = std::to_string(i);
    if (i % 4 == 0) filter.instance_id = "other-" + number;
    if (i % 4 == 1) filter.machines = {"machine-" + number};
    if (i % 4 == 2) filter.machines = {"m"}, filter.to_states = {"state-" + number};
    if (i % 4 == 3) filter.events = {"event-" + number}, filter.from_states = {"a"};
  }
  for (size_t i = kMany; i < watchers.size(); ++i) watchers[i].filter = transitions();
  watchers[kMany].filter.instance_id = "i";
  watchers[kMany + 1].filter.machines = {"m"};
  watchers[kMany + 2].filter.events = {"E"};
  for (Indexed& watcher : watchers) index.add(watcher);

  constexpr int kChanges = 100'000;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kChanges; ++i) ASSERT_EQ(found_by(index, transition()).size(), 3u);
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  EXPECT_EQ(index.candidates(), 3u * kChanges) << "looked at somebody who does not want it";
  EXPECT_EQ(index.lookups(), 5u * kChanges) << "one for each mask in use";
  std::printf("%.0f ns for a change among %zu watchers of which 3 want it\n",
              took.count() / kChanges, watchers.size());
}

TEST(Index, ManyCombinationsAreEnteredUnderFewerKeysAndStillDecidedByTheFilter) {
  Filter at_limit = transitions();
  at_limit.machines = names("m", 64);
  at_limit.events = names("e", limits::kWatchKeysMax / 64);
  EXPECT_EQ(Index::key_count(at_limit), limits::kWatchKeysMax);
  Filter above = at_limit;
  above.events = names("e", limits::kWatchKeysMax / 64 + 1);
  EXPECT_EQ(Index::key_count(above), limits::kWatchKeysMax / 64 + 1)
      << "the machines are left open";

  Index index(1);
  Indexed watcher;
  watcher.filter = above;
  watcher.filter.normalise();
  index.add(watcher);
  EXPECT_TRUE(index.wanted(transition("i", "m63", "e16")));
  EXPECT_FALSE(index.wanted(transition("i", "m64", "e16")));
  EXPECT_FALSE(index.wanted(transition("i", "m63", "e17")));
  index.remove(watcher);
  EXPECT_FALSE(index.wanted(transition("i", "m63", "e16")));
}

TEST(Index, KindsThatCanNeverPassHaveNoKeys) {
  Filter filter;
  for (const ChangeKind kind : kChangeKinds) filter.kinds.add(kind);
  EXPECT_EQ(Index::key_count(filter), 3u);
  filter.to_states = {"a", "b"};
  EXPECT_EQ(Index::key_count(filter), 4u) << "transitions and creations; a deletion leads nowhere";
  filter.from_states = {"c"};
  EXPECT_EQ(Index::key_count(filter), 2u);
  filter.from_states = {};
  filter.events = {"E"};
  EXPECT_EQ(Index::key_count(filter), 2u);
}

/// Whatever comes and goes: found is exactly who matches.
RC_GTEST_PROP(Index, FindsExactlyWhoMatches, (uint64_t seed)) {
  Index index(seed);
  std::deque<Indexed> watchers(40);
  std::vector<bool> in(watchers.size());
  const auto some = [](std::string_view prefix) {
    std::vector<std::string> picked;
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
      picked.push_back(std::string(prefix) + std::to_string(*rc::gen::inRange(0, 3)));
    }
    return picked;
  };
  for (int step = 0; step < 60; ++step) {
    const auto at = *rc::gen::inRange<size_t>(0, watchers.size());
    if (in[at]) {
      index.remove(watchers[at]);
      in[at] = false;
      continue;
    }
    Filter& filter = watchers[at].filter = {};
    for (const ChangeKind kind : kChangeKinds) {
      if (*rc::gen::arbitrary<bool>()) filter.kinds.add(kind);
    }
    if (*rc::gen::inRange(0, 3) == 0) {
      filter.instance_id = "i" + std::to_string(*rc::gen::inRange(0, 3));
    } else {
      filter.machines = some("m");
      filter.events = some("e");
      filter.from_states = some("s");
      filter.to_states = some("s");
    }
    filter.normalise();
    index.add(watchers[at]);
    in[at] = true;
  }
  for (int i = 0; i < 50; ++i) {
    const auto name = [](std::string_view prefix) {
      return std::string(prefix) + std::to_string(*rc::gen::inRange(0, 3));
    };
    const std::string id = name("i"), machine = name("m"), event = name("e"), from = name("s"),
                      to = name("s");
    Change change = transition(id, machine, event, from, to);
    change.kind = *rc::gen::elementOf(
        std::vector<ChangeKind>(std::begin(kChangeKinds), std::end(kChangeKinds)));
    if (change.kind != ChangeKind::kTransition) change.event = {};
    if (change.kind == ChangeKind::kCreate) change.from_state = {};
    if (change.kind == ChangeKind::kDelete) change.to_state = {};
    std::vector<Indexed*> expected;
    for (size_t w = 0; w < watchers.size(); ++w) {
      if (in[w] && watchers[w].filter.matches(change)) expected.push_back(&watchers[w]);
    }
    std::vector<Indexed*> found = found_by(index, change);
    std::ranges::sort(found);
    std::ranges::sort(expected);
    RC_ASSERT(found == expected);
    RC_ASSERT(index.wanted(change) == !expected.empty());
  }
}

}  // namespace
}  // namespace rstmdb::watch
