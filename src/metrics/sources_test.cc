#include "metrics/sources.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "engine/decide.h"
#include "engine/draft.h"
#include "json/document.h"

namespace rstmdb::metrics {
namespace {

using Steady = std::chrono::steady_clock;

class StateOfMany {
 public:
  explicit StateOfMany(int instances) {
    json::Document document;
    EXPECT_TRUE(document.parse(R"({"states":["a"],"initial":"a","transitions":[]})").ok());
    const engine::Definition definition = engine::Definition::parse(document.root()).value();
    engine::PutMachine put;
    put.machine = "m";
    put.version = 1;
    put.definition = &definition;
    commit(put);
    for (int i = 0; i < instances; ++i) {
      const std::string id = "i" + std::to_string(i);
      engine::CreateInstance create;
      create.machine = "m";
      create.version = 1;
      create.instance_id = id;
      create.context = "{}";
      commit(create);
    }
  }
  const engine::State& state() const { return state_; }

 private:
  template <class Command>
  void commit(const Command& command) {
    draft_.clear();
    ASSERT_TRUE((engine::Decider{bounds_, stamp_, draft_}.decide(command).ok()));
    for (const engine::Record& record : draft_.records()) state_.apply(record);
  }
  engine::Bounds bounds_ = {
      .machine_versions_max = 1, .key_ttl_ms = 1, .keys_max = 1, .keys_bytes_max = 1};
  engine::Stamp stamp_;
  engine::State state_{{.hash_seed = 1}};
  engine::Draft draft_{state_};
};

/// The quickest of many pages: the part of the time that is the work itself.
Steady::duration quickest(const engine::State& state) {
  Steady::duration best = std::chrono::hours(1);
  for (int i = 0; i < 2'000; ++i) {
    const auto began = Steady::now();
    Text text;
    add_state(text, state);
    best = std::min(best, Steady::now() - began);
  }
  return best;
}

TEST(Sources, AScrapeCostsTheSameAtTenAndAtAMillionInstances) {
  const StateOfMany few(10);
  const StateOfMany many(1'000'000);
  Text text;
  add_state(text, many.state());
  EXPECT_NE(text.text().find("\nrstmdb_instances_total 1000000\n"), std::string::npos);
  const auto small = quickest(few.state());
  const auto large = quickest(many.state());
  // A walk over a million rows takes more than a millisecond, a page a few microseconds.
  EXPECT_LT(large, small * 3 + std::chrono::microseconds(20));
}

TEST(Sources, TimesOfSnapshotsAndOfTheStartAreHistogramsInSeconds) {
  node::CompactionStats snapshots;
  snapshots.duration_ns.observe(40'000'000);
  snapshots.duration_ns.observe(2'000'000'000);
  Histogram recovery_ns(kLongTimeBoundsNs);
  recovery_ns.observe(7'500'000'000);
  Text text;
  add_snapshots(text, snapshots, {});
  add_node(text, {.log_failed = false, .recovery_ns = recovery_ns});
  const std::string page = text.text();
  for (const std::string_view line :
       {"rstmdb_snapshot_duration_seconds_count 2\n", "rstmdb_snapshot_duration_seconds_sum 2.04\n",
        "rstmdb_snapshot_duration_seconds_bucket{le=\"0.01\"} 0\n",
        "rstmdb_snapshot_duration_seconds_bucket{le=\"0.05\"} 1\n",
        "rstmdb_snapshot_duration_seconds_bucket{le=\"5\"} 2\n",
        "rstmdb_recovery_duration_seconds_count 1\n", "rstmdb_recovery_duration_seconds_sum 7.5\n",
        "rstmdb_recovery_duration_seconds_bucket{le=\"5\"} 0\n",
        "rstmdb_recovery_duration_seconds_bucket{le=\"10\"} 1\n"})
    EXPECT_NE(page.find("\n" + std::string(line)), std::string::npos) << line;
}

TEST(Sources, WatchersAreCountedByWhatTheyWatch) {
  watch::Stats stats;
  stats.instance_active = 2;
  stats.all_active = 3;
  stats.all_delivered = 7;
  stats.largest_lag = 9;
  Text text;
  add_watch(text, stats);
  const std::string page = text.text();
  for (const std::string_view line :
       {"rstmdb_subscriptions_active{type=\"instance\"} 2\n",
        "rstmdb_subscriptions_active{type=\"all\"} 3\n",
        "rstmdb_events_forwarded_total{type=\"all\"} 7\n", "rstmdb_subscriptions_lag_records 9\n"})
    EXPECT_NE(page.find(line), std::string::npos) << line;
}

TEST(Sources, EveryOperationAndCodeHasARowAndNothingElseHas) {
  server::Stats stats;
  stats.operations[api::kUnknownOperation].requests = 3;
  stats.operations[static_cast<size_t>(api::Operation::kPing)].duration_ns.observe(2'000'000);
  Text text;
  add_server(text, stats);
  const std::string page = text.text();
  const auto count = [&](std::string_view part) {
    size_t found = 0;
    for (size_t at = page.find(part); at != std::string::npos; at = page.find(part, at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(count("\nrstmdb_requests_total{operation="), api::kOperationCount + 1);
  EXPECT_EQ(count("\nrstmdb_requests_total{operation=\"unknown\"} 3\n"), 1u);
  EXPECT_EQ(count("\nrstmdb_errors_total{code="), kCodeCount);
  EXPECT_EQ(count("rstmdb_request_duration_seconds_count{"), 1u) << "only what was asked for";
  EXPECT_EQ(count("rstmdb_request_duration_seconds_sum{operation=\"PING\"} 0.002\n"), 1u);
}

}  // namespace
}  // namespace rstmdb::metrics
