#include "crash/campaign.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <sstream>

namespace rstmdb::crash {
namespace {

constexpr uint64_t kProgressEvery = 50;
constexpr uint64_t kRecoveryKillEvery = 3;
constexpr uint64_t kLoadMsMin = 50;
constexpr uint64_t kLoadMsMax = 300;

using std::chrono::microseconds;
using std::chrono::milliseconds;

unsigned long long shown(uint64_t number) { return number; }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

struct Campaign::Stage {
  Stage(const Options& options, std::string place, uint64_t seed)
      : folder(std::move(place)),
        disk(options.disk + "/" + std::filesystem::path(folder).filename().string() + ".data"),
        workload(checker, options.connections, seed),
        inspection(checker, seed + 1),
        server({options.server, folder, disk, options.power}),
        load({checker, workload, server, options.connections, seed + 2, options.compact_percent}) {}

  std::string folder;
  std::string disk;  // the data folder
  Checker checker;
  Workload workload;
  Inspection inspection;
  ServerProcess server;
  Load load;
};

Campaign::Campaign(const Options& options)
    : options_(options), dice_(options.seed), started_(std::chrono::steady_clock::now()) {}

Campaign::~Campaign() = default;

void Campaign::run() {
  while (is_sound() && tally_.cycles < options_.cycles &&
         std::chrono::steady_clock::now() - started_ < options_.time) {
    if (!stage_) begin_stage();
    ++tally_.cycles;
    note(cycle());
    if (tally_.cycles % kProgressEvery == 0) print_progress();
    if (stage_->checker.last_offset() > options_.folder_records) end_stage();
  }
  if (stage_) end_stage();
}

void Campaign::begin_stage() {
  const std::string folder = options_.folder + "/" + std::to_string(++tally_.folders);
  std::filesystem::create_directories(folder);
  stage_ = std::make_unique<Stage>(options_, folder, options_.seed * 1'000 + tally_.folders);
}

/// The complete check; then the counts move on and the folder goes, unless something was wrong.
void Campaign::end_stage() {
  if (is_sound()) note(check_completely());
  counts_ += stage_->checker.counts();
  compactions_.asked += stage_->load.compactions().asked;
  compactions_.answered += stage_->load.compactions().answered;
  compactions_.segments_deleted += stage_->load.compactions().segments_deleted;
  verdict_.add(stage_->checker.verdict());
  tally_.segments_max = std::max(tally_.segments_max, stage_->inspection.segments_max());
  const std::string folder = stage_->folder;
  const std::string disk = stage_->disk;
  const bool sound = stage_->checker.verdict().violations() == 0;
  stage_.reset();
  if (sound) {
    std::filesystem::remove_all(disk);
    std::filesystem::remove_all(folder);
  } else {
    kept_folder_ = folder + " and " + disk;
    wrong_cycle_ = tally_.cycles;
  }
}

Result<void> Campaign::cycle() {
  if (tally_.cycles % kRecoveryKillEvery == 0) RSTMDB_TRY(kill_during_recovery());
  RSTMDB_TRY(compacting() ? restart_twice() : restart_and_check());
  if (!is_sound()) return {};
  return stage_->load.run(
      milliseconds(dice_.between(kLoadMsMin, compacting() ? 2 * kLoadMsMax : kLoadMsMax)));
}

Result<void> Campaign::restart() {
  RSTMDB_TRY(stage_->server.spawn());
  RSTMDB_TRY(stage_->server.wait_until_ready());
  tally_.start_time_max = std::max(tally_.start_time_max, stage_->server.start_time());
  read_log();
  return {};
}

Result<void> Campaign::restart_and_check() {
  RSTMDB_TRY(restart());
  RSTMDB_TRY(stage_->inspection.after_restart(stage_->server.port()));
  stage_->checker.verdict().check(Rule::kServerComesBack, true, [] { return std::string(); });
  return {};
}

/// What the first start has done to snapshots and log must not show in the second.
Result<void> Campaign::restart_twice() {
  RSTMDB_TRY(restart_and_check());
  RSTMDB_TRY(stage_->inspection.complete(stage_->server.port()));
  if (!is_sound()) return {};
  RSTMDB_TRY(stage_->server.kill());
  RSTMDB_TRY(restart());
  return stage_->inspection.complete(stage_->server.port());
}

Result<void> Campaign::check_completely() {
  RSTMDB_TRY(restart_and_check());
  RSTMDB_TRY(stage_->inspection.complete(stage_->server.port()));
  return stage_->server.kill();
}

Result<void> Campaign::kill_during_recovery() {
  RSTMDB_TRY(kill_in_recovery_once());
  if (dice_.percent(33)) return kill_in_recovery_once();
  return {};
}

/// At a random moment of what the last start took.
Result<void> Campaign::kill_in_recovery_once() {
  const auto usual = std::max<int64_t>(stage_->server.start_time().count(), 1'000);
  RSTMDB_TRY(stage_->server.spawn());
  const microseconds moment(dice_.below(static_cast<uint64_t>(usual)));
  if (stage_->server.becomes_ready_within(moment)) ++tally_.recovery_kills_late;
  RSTMDB_TRY(stage_->server.kill());
  ++tally_.recovery_kills;
  read_log();
  return {};
}

/// Torn tails are to be expected; a line of level error is not.
void Campaign::read_log() {
  std::istringstream lines(stage_->server.take_log());
  for (std::string line; std::getline(lines, line);) {
    if (line.find("a torn tail was cut") != std::string::npos) ++tally_.torn_tails;
    if (line.find("the snapshot was loaded") != std::string::npos) ++tally_.snapshot_starts;
    if (line.find("the log was trimmed") != std::string::npos) ++tally_.trims;
    stage_->checker.verdict().check(Rule::kServerComesBack,
                                    line.find("\"level\":\"error\"") == std::string::npos,
                                    [&] { return "the server logged " + line; });
  }
}

void Campaign::note(const Result<void>& result) {
  if (result.ok()) return;
  std::string facts = result.error().message();
  facts += "; it logged: " + stage_->server.take_log();
  stage_->checker.verdict().violate(Rule::kServerComesBack, std::move(facts));
}

bool Campaign::is_sound() const {
  return verdict_.violations() == 0 && (!stage_ || stage_->checker.verdict().violations() == 0);
}

void Campaign::print_progress() const {
  Counts counts = counts_;
  counts += stage_->checker.counts();
  uint64_t acknowledged = 0;
  for (const uint64_t count : counts.acknowledged) acknowledged += count;
  std::printf(
      "cycle %llu: %llu acknowledged, %llu records checked, %llu unknown, folder %llu, "
      "%.0f s\n",
      shown(tally_.cycles), shown(acknowledged), shown(counts.records),
      shown(counts.unknown_found + counts.unknown_absent), shown(tally_.folders),
      seconds_since(started_));
  std::fflush(stdout);
}

void Campaign::print_counts() const {
  static constexpr const char* kNames[] = {"PUT_MACHINE", "CREATE_INSTANCE", "APPLY_EVENT",
                                           "DELETE_INSTANCE"};
  std::printf(
      "seed %llu, %llu cycles in %.0f s, %llu data folders, %llu kills during recovery "
      "(%llu came after it)\n",
      shown(options_.seed), shown(tally_.cycles), seconds_since(started_), shown(tally_.folders),
      shown(tally_.recovery_kills), shown(tally_.recovery_kills_late));
  std::printf("acknowledged writes:");
  for (size_t i = 0; i < kKindCount; ++i) {
    std::printf(" %s %llu", kNames[i], shown(counts_.acknowledged[i]));
  }
  std::printf("; of them in atomic batches %llu, in best-effort batches %llu\n",
              shown(counts_.acknowledged_atomic), shown(counts_.acknowledged_best_effort));
  std::printf("refused writes: %llu\n", shown(counts_.refused));
  std::printf("unknown outcomes: %llu, found in the log %llu, not found %llu\n",
              shown(counts_.unknown_found + counts_.unknown_absent), shown(counts_.unknown_found),
              shown(counts_.unknown_absent));
  std::printf(
      "keyed retries after a restart: %llu (of writes already in the log: %llu); "
      "repetitions of answered requests: %llu\n",
      shown(counts_.retried), shown(counts_.retried_found), shown(counts_.repeated));
  std::printf(
      "records checked: %llu; reads under load checked: %llu; most segments: %llu; "
      "longest start %lld ms\n",
      shown(counts_.records), shown(counts_.reads), shown(tally_.segments_max),
      static_cast<long long>(tally_.start_time_max.count() / 1'000));
  std::printf("torn tails reported: %llu\n", shown(tally_.torn_tails));
  if (compacting())
    std::printf(
        "COMPACT asked for %llu times, answered before the kill %llu, segments deleted %llu; "
        "the log was trimmed %llu times; starts from a snapshot: %llu\n",
        shown(compactions_.asked), shown(compactions_.answered),
        shown(compactions_.segments_deleted), shown(tally_.trims), shown(tally_.snapshot_starts));
  std::printf("violations: %llu\n", shown(verdict_.violations()));
}

void Campaign::print_violations() const {
  for (const Verdict::Violation& violation : verdict_.first_violations()) {
    std::printf("VIOLATION of %s, seed %llu, cycle %llu: %s\n",
                std::string(rule_name(violation.rule)).c_str(), shown(options_.seed),
                shown(wrong_cycle_), violation.facts.c_str());
  }
  if (!kept_folder_.empty()) std::printf("data kept in %s\n", kept_folder_.c_str());
}

bool Campaign::report() const {
  print_violations();
  print_counts();
  uint64_t passed = 0;
  for (size_t i = 0; i < kRuleCount; ++i) {
    const auto rule = static_cast<Rule>(i);
    // A rule that was never put to the test has not held.
    const bool holds = verdict_.violations(rule) == 0 && verdict_.checks(rule) > 0;
    passed += holds;
    std::printf("%s %s: %llu checks, %llu violations\n", holds ? "ok  " : "FAIL",
                std::string(rule_name(rule)).c_str(), shown(verdict_.checks(rule)),
                shown(verdict_.violations(rule)));
  }
  uint64_t rules = kRuleCount;
  if (compacting()) {
    // Likewise, no start from a snapshot of a shortened log has been seen.
    const bool seen = tally_.snapshot_starts > 0 && tally_.trims > 0;
    std::printf("%s the log was shortened and starts came from snapshots\n",
                seen ? "ok  " : "FAIL");
    ++rules;
    passed += seen;
  }
  std::printf("%llu passed, %llu failed\n", shown(passed), shown(rules - passed));
  return passed == rules;
}

}  // namespace rstmdb::crash
