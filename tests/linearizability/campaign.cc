#include "linearizability/campaign.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>

#include "crash/server_process.h"
#include "linearizability/clients.h"
#include "linearizability/history_file.h"
#include "linearizability/log_pages.h"
#include "linearizability/plan.h"
#include "linearizability/requests.h"
#include "linearizability/watchers.h"

namespace rstmdb::lin {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr uint64_t kSessionMsMin = 50;
constexpr int64_t kQuietMsMax = 30'000;
constexpr uint64_t kCompactMsMax = 200;  // to the next compaction
constexpr size_t kWindows[] = {1, 2, 8, 24};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

unsigned long long shown(uint64_t number) { return number; }

}  // namespace

struct Campaign::Stage {
  Stage(const Options& options, std::string place, uint64_t seed)
      : folder(std::move(place)),
        plan(seed, options.histories_per_mille),
        clients(history, plan, options.clients),
        watchers(history, plan, options.watchers, seed + 1),
        server({.program = options.server,
                .folder = folder,
                .data = folder + "/data",
                .http = crash::ServerProcess::Http::kOn}) {}

  std::string folder;
  History history;
  Plan plan;
  Clients clients;
  Watchers watchers;
  crash::ServerProcess server;
  uint64_t compactions_left = 0;  // in this session
  int64_t compact_at = 0;
};

Campaign::Campaign(const Options& options)
    : options_(options), dice_(options.seed), started_(std::chrono::steady_clock::now()) {}

Campaign::~Campaign() = default;

void Campaign::run() {
  while (is_sound() && tally_.operations < options_.operations &&
         std::chrono::steady_clock::now() - started_ < options_.time) {
    stage();
    std::printf("folder %llu: %llu operations, %llu kills, %llu notifications so far, %.0f s\n",
                shown(tally_.folders), shown(tally_.operations), shown(tally_.kills),
                shown(tally_.told), seconds_since(started_));
    std::fflush(stdout);
  }
}

void Campaign::stage() {
  const std::string folder = options_.folder + "/" + std::to_string(++tally_.folders);
  std::filesystem::create_directories(folder);
  Stage stage(options_, folder, options_.seed * 1'000 + tally_.folders);
  const Result<void> played = play(stage);
  if (!played.ok()) {
    problem_ = played.error().message() + "; it logged: " + stage.server.take_log();
    stage.history.cut_short = true;
  } else {
    examine_stage(stage);
  }
  if (tally_.folders == 1 && !options_.keep.empty()) keep(stage, options_.keep);
  if (is_sound()) {
    std::filesystem::remove_all(folder);
  } else {
    kept_ = folder + "/history.jsonl";
    keep(stage, kept_);
  }
}

Result<void> Campaign::play(Stage& stage) {
  RSTMDB_TRY(begin(stage));
  while (stage.history.operations.size() < options_.folder_operations) {
    RSTMDB_TRY(session(stage));
    RSTMDB_TRY(stage.server.kill());
    ++tally_.kills;
    stage.history.deaths.push_back(now());
    RSTMDB_TRY(stage.clients.bury());
    stage.watchers.bury();
    RSTMDB_TRY(stage.server.spawn());
    RSTMDB_TRY(stage.server.wait_until_ready());
    RSTMDB_TRY(read_log(stage.server.port(), stage.history));
  }
  RSTMDB_TRY(session(stage));
  return quiet_end(stage);
}

Result<void> Campaign::begin(Stage& stage) {
  RSTMDB_TRY(stage.server.spawn());
  RSTMDB_TRY(stage.server.wait_until_ready());
  RSTMDB_ASSIGN(crash::Connection connection, crash::Connection::open(stage.server.port()));
  for (uint32_t machine = 0; machine < kMachines; ++machine) {
    const Request request = put_machine(machine);
    RSTMDB_TRY(exchange(connection, request.op, request.params, [](json::Value) {}));
  }
  return read_log(stage.server.port(), stage.history);
}

Result<void> Campaign::session(Stage& stage) {
  const Ports ports{stage.server.port(), stage.server.http_port()};
  RSTMDB_TRY(stage.clients.connect(ports, dice_.pick(kWindows)));
  RSTMDB_TRY(stage.watchers.connect(ports));
  const auto length =
      static_cast<int64_t>(dice_.between(kSessionMsMin, options_.session_ms_max)) * kMillisecond;
  const int64_t until = now() + length;
  stage.compactions_left = dice_.below(options_.compactions_max + 1);
  stage.compact_at = now() + length / 8;
  while (now() < until) {
    RSTMDB_TRY(maybe_compact(stage));
    stage.clients.send(Clients::Mood::kAsking);
    RSTMDB_TRY(turn(stage, until));
  }
  return {};
}

/// One after the other: what the snapshot before the last reaches back to is kept in the log, and
/// all that lies before that has been read when the next is asked for.
Result<void> Campaign::maybe_compact(Stage& stage) {
  const bool due = stage.compactions_left > 0 && now() >= stage.compact_at;
  if (!due || stage.clients.compacting()) return {};
  RSTMDB_TRY(read_log(stage.server.port(), stage.history));
  stage.clients.compact(static_cast<uint32_t>(dice_.below(options_.clients)));
  --stage.compactions_left;
  stage.compact_at = now() + static_cast<int64_t>(dice_.below(kCompactMsMax)) * kMillisecond;
  return {};
}

Result<void> Campaign::turn(Stage& stage, int64_t until) {
  RSTMDB_TRY(stage.watchers.send());
  std::vector<pollfd> waiting;
  stage.clients.add_to(waiting);
  stage.watchers.add_to(waiting);
  const int64_t left = std::clamp<int64_t>(until - now(), 0, 5 * kMillisecond);
  const timespec patience{0, left};
  if (::ppoll(waiting.data(), waiting.size(), &patience, nullptr) < 0) return {};
  RSTMDB_TRY(stage.clients.receive());
  return stage.watchers.receive();
}

/// Everything is answered, then told; the server is killed last of all.
Result<void> Campaign::quiet_end(Stage& stage) {
  const int64_t deadline = now() + kQuietMsMax * kMillisecond;
  stage.watchers.wake();
  while (!stage.clients.all_answered()) {
    if (now() > deadline) return Error(Code::kInternalError, "requests stay without an answer");
    stage.clients.send(Clients::Mood::kResting);
    RSTMDB_TRY(turn(stage, deadline));
  }
  RSTMDB_TRY(read_log(stage.server.port(), stage.history));
  while (!stage.watchers.told_everything(stage.history.records) && now() < deadline) {
    RSTMDB_TRY(turn(stage, deadline));
  }
  stage.watchers.expect_everything(stage.history.records.size());
  RSTMDB_TRY(stage.server.kill());
  ++tally_.kills;
  stage.watchers.bury();
  return stage.clients.bury();
}

void Campaign::examine_stage(Stage& stage) {
  const auto began = std::chrono::steady_clock::now();
  const Examined examined = examine(stage.history);
  checking_s_ += seconds_since(began);
  examined_.findings.add(examined.findings);
  examined_.search.instances += examined.search.instances;
  examined_.search.operations += examined.search.operations;
  examined_.search.steps += examined.search.steps;
  examined_.search.informed += examined.search.informed;
  examined_.search.undecided += examined.search.undecided;
  tally_.operations += stage.history.operations.size();
  for (const Operation& operation : stage.history.operations) {
    tally_.over_http += operation.dialect == kHttp;
    tally_.histories += operation.ask == Ask::kHistory;
  }
  tally_.unanswered += static_cast<uint64_t>(
      std::ranges::count(stage.history.operations, false, &Operation::answered));
  tally_.records += stage.history.records.size();
  tally_.streams += stage.history.streams.size();
  for (const Stream& stream : stage.history.streams) {
    tally_.told += stream.told.size();
    tally_.resumed += stream.asked_offset;
  }
}

/// Under its name the file is whole: who is killed while writing leaves none that looks like it.
void Campaign::keep(const Stage& stage, const std::string& file) {
  const std::string part = file + ".part";
  std::ofstream out(part);
  write_history(stage.history, out);
  out.close();
  std::error_code failed;
  if (out) std::filesystem::rename(part, file, failed);
  if (out && !failed) return;
  problem_ += (problem_.empty() ? "" : "; ") + file + " could not be written";
}

bool Campaign::report() const {
  for (const Findings::Violation& finding : examined_.findings.first_violations()) {
    std::printf("VIOLATION of %s, seed %llu: %s\n", std::string(rule_name(finding.rule)).c_str(),
                shown(options_.seed), finding.facts.c_str());
  }
  if (!problem_.empty())
    std::printf("PROBLEM, seed %llu: %s\n", shown(options_.seed), problem_.c_str());
  if (!kept_.empty()) std::printf("history kept in %s\n", kept_.c_str());
  std::printf(
      "seed %llu: %llu operations (%llu without an answer, %llu over HTTP, %llu histories), "
      "%llu records, %llu kills, "
      "%llu data folders, %.0f s, of them %.0f checking\n",
      shown(options_.seed), shown(tally_.operations), shown(tally_.unanswered),
      shown(tally_.over_http), shown(tally_.histories), shown(tally_.records), shown(tally_.kills),
      shown(tally_.folders), seconds_since(started_), checking_s_);
  std::printf(
      "search: %llu instances (%llu with the log's help, %llu undecided), %llu operations, %llu "
      "steps; "
      "%llu notifications in %llu "
      "streams, %llu of them resumed\n",
      shown(examined_.search.instances), shown(examined_.search.informed),
      shown(examined_.search.undecided), shown(examined_.search.operations),
      shown(examined_.search.steps), shown(tally_.told), shown(tally_.streams),
      shown(tally_.resumed));
  uint64_t passed = 0;
  for (size_t i = 0; i < kRuleCount; ++i) {
    const auto rule = static_cast<Rule>(i);
    // A rule that was never put to the test has not held.
    const bool holds =
        examined_.findings.violations(rule) == 0 && examined_.findings.checks(rule) > 0;
    passed += holds;
    std::printf("%s %s: %llu checks, %llu violations\n", holds ? "ok  " : "FAIL",
                std::string(rule_name(rule)).c_str(), shown(examined_.findings.checks(rule)),
                shown(examined_.findings.violations(rule)));
  }
  const uint64_t failed = kRuleCount - passed + !problem_.empty();
  std::printf("%llu passed, %llu failed\n", shown(passed), shown(failed));
  return failed == 0;
}

}  // namespace rstmdb::lin
