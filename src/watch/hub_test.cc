#include "watch/hub.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/limits.h"
#include "watch/hub_test_support.h"

namespace rstmdb::watch {
namespace {

using Offsets = std::vector<uint64_t>;

TEST_F(HubTest, AChangeIsToldWhenItIsCommittedAndNotBefore) {
  FakeWatcher watcher(hub_);
  const std::string id = subscribe(watcher);
  write({"i"});
  EXPECT_EQ(watcher.offsets(id), Offsets());
  log_.flush();
  EXPECT_EQ(watcher.offsets(id), Offsets());
  log_.commit_flushed();
  EXPECT_EQ(watcher.offsets(id), Offsets{1});
  EXPECT_FALSE(watcher.unsent) << "delivered and flushed";
}

TEST_F(HubTest, ACommitTellsNothingOfWhatLiesBehindIt) {
  FakeWatcher watcher(hub_);
  const std::string id = subscribe(watcher);
  write({"i", "j"});
  log_.flush();
  write({"i"});
  log_.commit_flushed();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2}));
  commit();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2, 3}));
}

TEST_F(HubTest, WhatTheLogHasNotCommittedIsDroppedWhenItFails) {
  FakeWatcher watcher(hub_);
  const std::string id = subscribe(watcher);
  write({"i"});
  EXPECT_GT(hub_.stats().pending_bytes, 0u);
  log_.fail(Error(Code::kWalIoError, "gone"));
  EXPECT_EQ(hub_.stats().pending_bytes, 0u);
  EXPECT_EQ(watcher.offsets(id), Offsets());
  EXPECT_EQ(watcher.subscriptions(), 1u);
}

TEST_F(HubTest, ASubscriptionWhoseAnswerIsWithdrawnHasNotBegun) {
  FakeWatcher watcher(hub_);
  write({"i"});
  Wish wish;
  wish.filter.kinds.add(ChangeKind::kTransition);
  wish.answer_offset = 1;
  ASSERT_TRUE(hub_.subscribe(watcher, wish).ok());
  log_.fail(Error(Code::kWalIoError, "gone"));
  EXPECT_EQ(watcher.subscriptions(), 0u);
}

TEST_F(HubTest, OneThatComesBetweenFoldAndCommitHearsOnlyWhatComesAfterIt) {
  FakeWatcher early(hub_);
  const std::string before = subscribe(early);
  write({"i"});
  FakeWatcher late(hub_);
  const std::string after = subscribe(late);
  write({"i"});
  commit();
  EXPECT_EQ(early.offsets(before), (Offsets{1, 2}));
  EXPECT_EQ(late.offsets(after), Offsets{2});
}

TEST_F(HubTest, FromAnOffsetThePastComesFirstThenWhatIsNew) {
  for (int i = 0; i < 5; ++i) write({i % 2 == 0 ? "i" : "other"});
  commit();
  write({"i"});  // folded, not committed
  FakeWatcher watcher(hub_);
  Filter filter;
  filter.instance_id = "i";
  const std::string some = subscribe(watcher, 2, filter);
  const std::string all = subscribe(watcher, 0);
  const std::string future = subscribe(watcher, 9);
  const std::string uncommitted = subscribe(watcher, 6);
  catch_up();
  EXPECT_EQ(watcher.offsets(some), (Offsets{3, 5}));
  EXPECT_EQ(watcher.offsets(all), (Offsets{1, 2, 3, 4, 5}));
  write({"i", "other"});
  commit();
  catch_up();
  for (int i = 0; i < 2; ++i) write({"i"});
  commit();
  catch_up();
  EXPECT_EQ(watcher.offsets(some), (Offsets{3, 5, 6, 7, 9, 10}));
  EXPECT_EQ(watcher.offsets(all), (Offsets{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_EQ(watcher.offsets(future), (Offsets{9, 10}));
  EXPECT_EQ(watcher.offsets(uncommitted), (Offsets{6, 7, 8, 9, 10}));
  EXPECT_EQ(hub_.stats().behind, 0u);
}

TEST_F(HubTest, NothingOfThePastComesBeforeTheAnswer) {
  write({"i"});
  commit();
  write({"i"});
  FakeWatcher watcher(hub_);
  Wish wish;
  wish.filter.kinds.add(ChangeKind::kTransition);
  wish.from = 1;
  wish.answer_offset = 2;
  const std::string id = hub_.subscribe(watcher, wish).value();
  EXPECT_EQ(hub_.end_turn(), CatchUp::Rest::kNone);
  EXPECT_EQ(watcher.offsets(id), Offsets());
  commit();
  catch_up();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2}));
}

TEST_F(HubTest, WithoutRoomItFallsBehindAndComesBackWithoutAHole) {
  FakeWatcher watcher(hub_);
  const std::string id = subscribe(watcher);
  watcher.room = 2;
  for (int i = 0; i < 10; ++i) write({"i"});
  commit();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2}));
  EXPECT_EQ(hub_.stats().behind, 1u);
  EXPECT_EQ(hub_.stats().fell_behind, 1u);
  EXPECT_EQ(hub_.stats().largest_lag, 8u);
  EXPECT_EQ(hub_.oldest_needed(), 3u);
  EXPECT_EQ(hub_.end_turn(), CatchUp::Rest::kNone) << "who has no room is not looked at";
  watcher.room = 3;
  hub_.resume(watcher);
  catch_up();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2, 3, 4, 5}));
  EXPECT_EQ(hub_.oldest_needed(), 6u);
  write({"i"});
  commit();
  watcher.room = 100;
  hub_.resume(watcher);
  catch_up();
  EXPECT_EQ(watcher.offsets(id), history(1, 11));
  EXPECT_EQ(hub_.stats().behind, 0u);
  EXPECT_EQ(hub_.oldest_needed(), 12u);
}

TEST_F(HubTest, WhoDoesNotReadCostsTheWritersNothing) {
  std::deque<FakeWatcher> watchers;
  for (int i = 0; i < 100; ++i) {
    watchers.emplace_back(hub_).room = 0;
    subscribe(watchers.back());
  }
  write({"i"});
  commit();
  EXPECT_EQ(hub_.stats().behind, 100u);
  const Stats before = hub_.stats();
  for (int i = 0; i < 1'000; ++i) write({"i"});
  EXPECT_EQ(hub_.stats().pending_bytes, 0u);
  commit();
  hub_.end_turn();
  EXPECT_EQ(hub_.stats().candidates, before.candidates);
  EXPECT_EQ(hub_.stats().lookups, before.lookups);
}

TEST_F(HubTest, AUnitIsToldWholeOrNotAtAll) {
  FakeWatcher watcher(hub_);
  const std::string id = subscribe(watcher);
  watcher.room = 2;
  write({"i"});
  write({"i", "j", "k"});
  write({"i"});
  commit();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2, 3, 4})) << "the unit that had begun, and no more";
  watcher.room = 1;
  write({"i", "j"});
  commit();
  hub_.resume(watcher);
  catch_up();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2, 3, 4, 5}));
  watcher.room = 1;
  hub_.resume(watcher);
  catch_up();
  EXPECT_EQ(watcher.offsets(id), (Offsets{1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(HubTest, ATurnReadsABoundedPartOfTheLogHoweverManyAreBehind) {
  context_ = R"({"x":")" + std::string(1'000, 'x') + "\"}";
  for (int i = 0; i < 1'000; ++i) write({"i"});
  commit();
  hub_.end_turn();  // what has been committed in a turn adds to what it may read
  std::deque<FakeWatcher> watchers;
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(subscribe(watchers.emplace_back(hub_), 1));
  // A turn may go over by the stretch that it has begun.
  constexpr size_t kStretch = limits::kCatchUpStretchBytesMax * 5 / 4;
  uint64_t delivered = 0;
  uint64_t read = log_.stats().bytes_read;
  size_t turns = 0;
  bool more = true;
  while (more) {
    more = hub_.end_turn() == CatchUp::Rest::kMore;
    const uint64_t delivered_now = hub_.stats().all_delivered;
    const uint64_t read_now = log_.stats().bytes_read;
    ASSERT_LE((delivered_now - delivered) * 1'000, limits::kTurnToldBytesMax + kStretch);
    ASSERT_LE(read_now - read, limits::kCatchUpTurnBytesMax + kStretch);
    ASSERT_LE(hub_.stats().cursors, limits::kWatchCursorsMax);
    delivered = delivered_now;
    read = read_now;
    ++turns;
  }
  EXPECT_GE(turns, 100u * 1'000 * 1'000 / (limits::kTurnToldBytesMax + kStretch));
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(watchers[i].offsets(ids[i]), history(1, 1'000));
  }
  EXPECT_EQ(hub_.stats().cursors, 0u);
}

TEST_F(HubTest, WhoReadsAsFastAsOthersWriteComesCloser) {
  context_ = R"({"x":")" + std::string(1'000, 'x') + "\"}";
  for (int i = 0; i < 3'000; ++i) write({"i"});
  commit();
  hub_.end_turn();
  FakeWatcher watcher(hub_);
  const std::string id = subscribe(watcher, 1);
  size_t turns = 0;
  while (hub_.stats().behind > 0) {
    for (int i = 0; i < 300; ++i) write({"i"});  // several times what a quiet turn reads
    commit();
    hub_.end_turn();
    ASSERT_LE(++turns, 15u);
  }
  EXPECT_EQ(watcher.offsets(id), history(1, log_.committed()));
}

TEST_F(HubTest, ACommitTellsABoundedAmountHoweverManyAreLive) {
  context_ = R"({"x":")" + std::string(10'000, 'x') + "\"}";
  std::deque<FakeWatcher> watchers;
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(subscribe(watchers.emplace_back(hub_)));
  for (int i = 0; i < 10; ++i) write({"i", "j"});
  commit();
  // The units that had begun below the line are told to their end.
  EXPECT_LE(hub_.stats().all_delivered * 10'000, limits::kTurnToldBytesMax + 4 * 10'000);
  EXPECT_GE(hub_.stats().all_delivered * 10'200, limits::kTurnToldBytesMax);
  EXPECT_GT(hub_.stats().behind, 0u);
  EXPECT_EQ(hub_.stats().fell_behind, 0u) << "they have room";
  size_t turns = 0;
  uint64_t delivered = hub_.stats().all_delivered;
  while (hub_.stats().behind > 0) {
    hub_.end_turn();
    const uint64_t now = hub_.stats().all_delivered;
    ASSERT_LE((now - delivered) * 10'000, limits::kTurnToldBytesMax + 200'000);
    delivered = now;
    ASSERT_LE(++turns, 20u);
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(watchers[i].offsets(ids[i]), history(1, 20));
  }
}

TEST_F(HubTest, ALargeUnitTellsABoundedAmountHoweverManyAreLive) {
  context_ = R"({"x":")" + std::string(300, 'x') + "\"}";
  std::deque<FakeWatcher> watchers;
  std::vector<std::string> ids;
  for (int i = 0; i < 1'000; ++i) ids.push_back(subscribe(watchers.emplace_back(hub_)));
  write(std::vector<std::string>(100, "i"));
  commit();
  const size_t text = watchers.front().received[ids.front()].front().size();
  EXPECT_LE(hub_.stats().all_delivered * text, limits::kTurnToldBytesMax + 100 * text)
      << "a unit is told whole or not at all, also over several rounds";
  EXPECT_GT(hub_.stats().behind, 0u);
  catch_up();
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(watchers[i].offsets(ids[i]), history(1, 100));
  }
}

TEST_F(HubTest, APlaceThatItsReaderHasLeftKeepsNothingFromBeingTrimmed) {
  context_ = R"({"x":")" + std::string(1'000, 'x') + "\"}";
  for (int i = 0; i < 1'000; ++i) write({"i"});
  commit();
  FakeWatcher slow(hub_);
  subscribe(slow);
  slow.room = 0;
  write({"i"});
  commit();
  EXPECT_EQ(hub_.stats().behind, 1u) << "somebody stays behind all the while";
  {
    FakeWatcher leaves(hub_);
    leaves.room = 5;
    subscribe(leaves, 1);
    catch_up();
  }
  EXPECT_EQ(hub_.stats().cursors, 1u) << "for whoever comes next";
  EXPECT_EQ(hub_.oldest_needed(), 1'001u);
  hub_.close_unneeded();
  EXPECT_EQ(hub_.stats().cursors, 0u);
}

TEST_F(HubTest, ThoseWhoAreBehindTogetherReadTheLogOnce) {
  context_ = R"({"x":")" + std::string(1'000, 'x') + "\"}";
  for (int i = 0; i < 1'000; ++i) write({"i"});
  commit();
  std::deque<FakeWatcher> watchers;
  std::vector<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    watchers.emplace_back(hub_).room = 5 + static_cast<size_t>(i);  // they stop at other places
    ids.push_back(subscribe(watchers.back(), 1));
  }
  const uint64_t before = log_.stats().bytes_read;
  catch_up();
  for (FakeWatcher& watcher : watchers) {
    watcher.room = 1'000'000;
    hub_.resume(watcher);
  }
  catch_up();
  for (size_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(watchers[i].offsets(ids[i]), history(1, 1'000));
  }
  EXPECT_LE(log_.stats().bytes_read - before, 1'250u * 1'000);
}

TEST_F(HubTest, TheOneInTheMiddleOfManyIsServedBeforeTheFirstIsDone) {
  context_ = R"({"x":")" + std::string(1'000, 'x') + "\"}";
  const size_t records = 8 * limits::kCatchUpStretchBytesMax / 1'000;
  for (size_t i = 0; i < records; ++i) write({"i"});
  commit();
  hub_.end_turn();  // what has been committed in a turn adds to what it may read
  FakeWatcher first(hub_);
  FakeWatcher second(hub_);
  const std::string first_id = subscribe(first, 1);
  const std::string second_id = subscribe(second, 1);
  while (second.offsets(second_id).empty()) {
    ASSERT_EQ(hub_.end_turn(), CatchUp::Rest::kMore);
  }
  EXPECT_LT(first.offsets(first_id).size(), records / 4);
}

TEST_F(HubTest, AnOffsetThatIsGoneIsNamedWithTheOldestThatIsThere) {
  for (int i = 0; i < 5; ++i) write({"i"});
  commit();
  log_.trim(4, [](const auto& trimmed) { EXPECT_TRUE(trimmed.ok()); });
  FakeWatcher watcher(hub_);
  for (const uint64_t from : {0, 1, 3}) {
    const auto gone = hub_.subscribe(watcher, {.from = from});
    ASSERT_FALSE(gone.ok());
    EXPECT_EQ(gone.error().code(), Code::kNotFound);
    EXPECT_EQ(gone.error().detail("code"), "OFFSET_COMPACTED");
    EXPECT_EQ(gone.error().detail_number("oldest_offset", 0), 4);
  }
  EXPECT_EQ(watcher.subscriptions(), 0u);
  const std::string id = subscribe(watcher, 4);
  catch_up();
  EXPECT_EQ(watcher.offsets(id), (Offsets{4, 5}));
}

/// Between the answer and the first turn that reads, compaction may go on with what it had decided
/// before.
TEST_F(HubTest, AnOffsetThatWasThereWhenAskedForStaysReadable) {
  for (int i = 0; i < 5; ++i) write({"i"});
  commit();
  FakeWatcher watcher(hub_);
  const std::string id = subscribe(watcher, 2);
  log_.trim(5, [](const auto& trimmed) { EXPECT_TRUE(trimmed.ok()); });
  catch_up();
  EXPECT_EQ(watcher.lost, std::vector<std::string>());
  EXPECT_EQ(watcher.offsets(id), (Offsets{2, 3, 4, 5}));
}

TEST_F(HubTest, OnlyItsOwnConnectionCanEndASubscription) {
  FakeWatcher one(hub_);
  FakeWatcher other(hub_);
  const std::string id = subscribe(one);
  const std::string behind = subscribe(one, 1);
  EXPECT_FALSE(hub_.unsubscribe(other, id));
  EXPECT_FALSE(hub_.unsubscribe(one, "nonsense"));
  EXPECT_TRUE(hub_.unsubscribe(one, id));
  EXPECT_FALSE(hub_.unsubscribe(one, id));
  EXPECT_TRUE(hub_.unsubscribe(one, behind));
  write({"i"});
  commit();
  catch_up();
  EXPECT_TRUE(one.received.empty());
  EXPECT_EQ(hub_.stats().all_active, 0u);
}

TEST_F(HubTest, AConnectionThatEndsTakesEverythingAlong) {
  for (int i = 0; i < 10; ++i) write({"i"});
  commit();
  {
    FakeWatcher watcher(hub_);
    subscribe(watcher);
    subscribe(watcher, 1);
    Filter filter;
    filter.instance_id = "i";
    subscribe(watcher, 1, filter);
    EXPECT_EQ(hub_.stats().instance_active, 1u);
    EXPECT_EQ(hub_.stats().all_active, 2u);
    watcher.room = 1;
    catch_up();
    EXPECT_GT(hub_.stats().cursors, 0u);
  }
  const Stats stats = hub_.stats();
  EXPECT_EQ(stats.instance_active + stats.all_active + stats.behind + stats.cursors, 0u);
  write({"i"});
  EXPECT_EQ(hub_.stats().pending_bytes, 0u);
  commit();
}

TEST_F(HubTest, TheContextIsLeftOutForThoseWhoDoNotWantIt) {
  FakeWatcher watcher(hub_);
  Wish wish;
  wish.filter.kinds.add(ChangeKind::kTransition);
  wish.include_ctx = false;
  wish.from = 1;
  const std::string lean = hub_.subscribe(watcher, wish).value();
  const std::string full = subscribe(watcher);
  for (int i = 0; i < 2; ++i) {
    write({"i"});
    commit();
    catch_up();
  }
  ASSERT_EQ(watcher.received[lean].size(), 2u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(watcher.received[lean][i] + R"(,"ctx":{"n":1})", watcher.received[full][i]);
  }
  EXPECT_EQ(watcher.last_kind, "");
}

TEST_F(HubTest, AConnectionMayHaveSoManySubscriptionsAndNoMore) {
  FakeWatcher watcher(hub_);
  for (size_t i = 0; i < limits::kSubscriptionsPerConnectionMax; ++i) subscribe(watcher);
  const auto refused = hub_.subscribe(watcher, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kRateLimited);
  EXPECT_EQ(refused.error().detail("code"), "TOO_MANY_SUBSCRIPTIONS");
  EXPECT_EQ(refused.error().detail_number("limit", 0),
            static_cast<int64_t>(limits::kSubscriptionsPerConnectionMax));
}

TEST_F(HubTest, TheServerMayHaveSoManySubscriptionsAndNoMore) {
  std::deque<FakeWatcher> watchers;
  std::string last;
  for (size_t i = 0; i < limits::kSubscriptionsMax; ++i) {
    if (i % limits::kSubscriptionsPerConnectionMax == 0) watchers.emplace_back(hub_);
    last = subscribe(watchers.back());
  }
  FakeWatcher another(hub_);
  const auto refused = hub_.subscribe(another, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail_number("limit", 0),
            static_cast<int64_t>(limits::kSubscriptionsMax));
  EXPECT_TRUE(hub_.unsubscribe(watchers.back(), last));
  subscribe(another);
}

TEST_F(HubTest, AllFiltersTogetherMayTakeSoMuchMemoryAndNoMore) {
  Filter large;
  const std::string name(limits::kNameBytesMax - 8, 'n');
  for (int i = 0; i < 100; ++i) {
    for (auto* names : {&large.machines, &large.events, &large.from_states, &large.to_states}) {
      names->push_back(name + std::to_string(i));
    }
  }
  std::deque<FakeWatcher> watchers;
  size_t taken = 0;
  while (true) {
    if (taken % limits::kSubscriptionsPerConnectionMax == 0) watchers.emplace_back(hub_);
    Wish wish;
    wish.filter = large;
    wish.filter.kinds.add(ChangeKind::kTransition);
    const auto begun = hub_.subscribe(watchers.back(), std::move(wish));
    if (!begun.ok()) {
      EXPECT_EQ(begun.error().detail("code"), "TOO_MANY_SUBSCRIPTIONS");
      EXPECT_EQ(begun.error().detail_number("limit", 0),
                static_cast<int64_t>(limits::kSubscriptionBytesMax));
      break;
    }
    ++taken;
    ASSERT_LT(taken, limits::kSubscriptionBytesMax / (400 * name.size()));
  }
  EXPECT_GT(taken, 1'000u);
  watchers.pop_front();
  FakeWatcher another(hub_);
  subscribe(another, {}, large);
}

/// Chance decides who comes, who has room, and when the log commits.
class HubChance : public HubTest {
 protected:
  struct Watching {
    std::string id;
    std::string instance;
    uint64_t from = 0;
  };
  struct Connection {
    explicit Connection(Hub& hub) : watcher(hub) {}
    FakeWatcher watcher;
    std::vector<Watching> watching;
  };

  void step(io::SimulatedRandom& dice) {
    Connection& connection = connections_[dice.below(connections_.size())];
    switch (dice.below(8)) {
      case 0:
      case 1:
      case 2: {
        std::vector<std::string> unit;
        for (uint64_t n = dice.below(8) == 0 ? 4 : 1; n > 0; --n) {
          unit.push_back("i" + std::to_string(dice.below(3)));
        }
        return write(unit);
      }
      case 3:
        return commit();
      case 4:
        hub_.end_turn();
        return;
      case 5:
        connection.watcher.room = dice.below(6);
        return;
      case 6:
        connection.watcher.room += dice.below(20);
        if (connection.watcher.room > 0) hub_.resume(connection.watcher);
        return;
      default:
        return begin(connection, dice);
    }
  }

  void begin(Connection& connection, io::SimulatedRandom& dice) {
    Watching begun;
    if (dice.below(2) == 0) begun.instance = "i" + std::to_string(dice.below(3));
    const uint64_t next = log_.next_offset();
    std::optional<uint64_t> from;
    if (dice.below(2) == 0) from = next - std::min(next - 1, dice.below(50)) + dice.below(5);
    begun.from = from.value_or(next);
    Filter filter;
    filter.instance_id = begun.instance;
    begun.id = subscribe(connection.watcher, from, filter);
    connection.watching.push_back(begun);
  }

  void settle() {
    commit();
    for (Connection& connection : connections_) {
      connection.watcher.room = 1'000'000;
      hub_.resume(connection.watcher);
    }
    catch_up();
    ASSERT_EQ(hub_.stats().behind, 0u);
  }

  std::deque<Connection> connections_;
};

/// Each subscription is told of exactly what it wants from its first offset on, in order.
TEST_F(HubChance, NothingIsLeftOutAndNothingComesTwice) {
  uint64_t told = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    io::SimulatedRandom dice(seed);
    for (int i = 0; i < 4; ++i) connections_.emplace_back(hub_);
    for (int i = 0; i < 400; ++i) step(dice);
    settle();
    for (Connection& connection : connections_) {
      for (const Watching& one : connection.watching) {
        const Offsets expected = history(one.from, log_.committed(), one.instance);
        ASSERT_EQ(connection.watcher.offsets(one.id), expected) << "seed " << seed;
        told += expected.size();
      }
    }
    connections_.clear();
  }
  EXPECT_GT(told, 100'000u);
}

}  // namespace
}  // namespace rstmdb::watch
