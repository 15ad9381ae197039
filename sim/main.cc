// rstmdb-sim: runs seeds and says of each whether anything was wrong.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "base/logging.h"
#include "run.h"

// jemalloc's settings: a life of the server takes and gives back megabytes, again and again;
// handing them to the system in between costs a third of all time.
extern "C" {
const char* malloc_conf = "dirty_decay_ms:-1,muzzy_decay_ms:-1";
}

namespace rstmdb::sim {
namespace {

struct Arguments {
  uint64_t from = 1;
  uint64_t to = 1;
  double minutes = 10;
  double seconds = 0;  // of processor time, after which no new seed is begun
  bool trace = false;
  bool twice = false;
  bool shrink = false;
  bool first = false;
  bool quiet = false;
};

/// Whoever runs this says it; a program built some time ago does not know.
const char* commit() {
  const char* given = std::getenv("RSTMDB_COMMIT");
  return given == nullptr ? "unknown" : given;
}

double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

struct Totals {
  uint64_t seeds = 0, failed = 0, lives = 0, power_cuts = 0, stops = 0, log_stops = 0,
           failed_starts = 0, requests = 0, events = 0, records = 0;
  int64_t simulated_ms = 0;
};

Run::Options options_of(const Arguments& arguments, uint64_t seed, Parts left_out) {
  return {.seed = seed,
          .time_ms = static_cast<int64_t>(arguments.minutes * 60'000),
          .left_out = left_out,
          .show = arguments.trace ? Trace::Show::kEverything : Trace::Show::kNothing};
}

void report_failure(const Run& run, uint64_t seed) {
  std::printf("SEED=%llu COMMIT=%s\n", static_cast<unsigned long long>(seed), commit());
  std::printf("swarm: %s\n", run.swarm().text().c_str());
  for (const std::string& line : run.trace().last()) std::printf("  %s\n", line.c_str());
  for (const auto& violation : run.findings().violations()) {
    std::printf("violated %s: %s\n", std::string(rule_name(violation.rule)).c_str(),
                violation.facts.c_str());
  }
}

/// Leaves out part after part of the mix for as long as the seed still fails.
void shrink(const Arguments& arguments, uint64_t seed) {
  Parts left_out = 0;
  for (unsigned part = 0; part < static_cast<unsigned>(Part::kEnd); ++part) {
    const Parts tried = left_out | bit(static_cast<Part>(part));
    Run run(options_of(arguments, seed, tried));
    run.go();
    if (!run.findings().sound()) left_out = tried;
  }
  std::string needed;
  for (unsigned part = 0; part < static_cast<unsigned>(Part::kEnd); ++part) {
    if ((left_out & bit(static_cast<Part>(part))) == 0)
      needed += " " + std::string(part_name(static_cast<Part>(part)));
  }
  Run run(options_of(arguments, seed, left_out));
  run.go();
  std::printf("shrunk: --leave-out %u, needs%s; fails after %lld ms and %llu requests\n", left_out,
              needed.c_str(), static_cast<long long>(run.now_ms()),
              static_cast<unsigned long long>(run.oracle().counts().sent));
}

bool run_seed(const Arguments& arguments, uint64_t seed, Parts left_out, Totals& totals) {
  const double before = cpu_seconds();
  Run run(options_of(arguments, seed, left_out));
  run.go();
  bool sound = run.findings().sound();
  if (!sound) report_failure(run, seed);
  if (!sound && arguments.shrink) shrink(arguments, seed);
  const double took = cpu_seconds() - before;
  if (!arguments.quiet) {
    std::printf("seed %llu: %s, trace %016llx, %lld s in %.3f s, %llu lives, %llu records\n",
                static_cast<unsigned long long>(seed), sound ? "sound" : "WRONG",
                static_cast<unsigned long long>(run.trace().hash()),
                static_cast<long long>(run.now_ms() / 1'000), took,
                static_cast<unsigned long long>(run.counts().lives),
                static_cast<unsigned long long>(run.oracle().last_offset()));
  }
  if (arguments.twice) {
    Run again(options_of(arguments, seed, left_out));
    again.go();
    if (again.trace().hash() != run.trace().hash()) {
      std::printf("SEED=%llu COMMIT=%s gives another trace the second time\n",
                  static_cast<unsigned long long>(seed), commit());
      sound = false;
    }
  }
  totals.simulated_ms += run.now_ms();
  totals.lives += run.counts().lives;
  totals.power_cuts += run.counts().power_cuts;
  totals.stops += run.counts().stops;
  totals.log_stops += run.counts().log_stops;
  totals.failed_starts += run.counts().failed_starts;
  totals.requests += run.oracle().counts().sent;
  totals.events += run.oracle().counts().events;
  totals.records += run.oracle().last_offset();
  return sound;
}

int run_all(const Arguments& arguments, Parts left_out) {
  Totals totals;
  const double began = cpu_seconds();
  for (uint64_t seed = arguments.from; seed <= arguments.to; ++seed) {
    if (arguments.seconds > 0 && cpu_seconds() - began > arguments.seconds) break;
    ++totals.seeds;
    if (!run_seed(arguments, seed, left_out, totals)) ++totals.failed;
    if (arguments.first && totals.failed > 0) break;
    std::fflush(stdout);
  }
  const double took = cpu_seconds() - began;
  const auto simulated = static_cast<double>(totals.simulated_ms) / 1'000;
  std::printf("%llu seeds, %.0f simulated s in %.1f processor s: %.0f times real time\n",
              static_cast<unsigned long long>(totals.seeds), simulated, took,
              simulated * (arguments.twice ? 2 : 1) / took);
  std::printf(
      "%llu lives, %llu power cuts, %llu stops, %llu logs stopped, %llu failed starts, "
      "%llu requests, %llu records, %llu notifications\n",
      static_cast<unsigned long long>(totals.lives),
      static_cast<unsigned long long>(totals.power_cuts),
      static_cast<unsigned long long>(totals.stops),
      static_cast<unsigned long long>(totals.log_stops),
      static_cast<unsigned long long>(totals.failed_starts),
      static_cast<unsigned long long>(totals.requests),
      static_cast<unsigned long long>(totals.records),
      static_cast<unsigned long long>(totals.events));
  std::printf("%llu passed, %llu failed\n",
              static_cast<unsigned long long>(totals.seeds - totals.failed),
              static_cast<unsigned long long>(totals.failed));
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace

int run_program(int count, char** values) {
  CLI::App app("Simulates the whole server by seed");
  Arguments arguments;
  uint64_t seed = 0;
  std::string seeds;
  Parts left_out = 0;
  bool log = false;
  app.add_option("--seed", seed, "one seed");
  app.add_option("--seeds", seeds, "FROM..TO");
  app.add_option("--minutes", arguments.minutes, "simulated time of each seed");
  app.add_option("--cpu-seconds", arguments.seconds, "no new seed after so much processor time");
  app.add_flag("--trace,--replay", arguments.trace, "prints every line of the trace");
  app.add_flag("--twice", arguments.twice, "runs each seed twice and compares the traces");
  app.add_flag("--shrink", arguments.shrink, "finds the parts of the mix that a failure needs");
  app.add_flag("--first", arguments.first, "ends with the first seed that is wrong");
  app.add_flag("--quiet", arguments.quiet, "no line for each seed");
  app.add_flag("--log", log, "shows the server's own log lines");
  app.add_option("--leave-out", left_out, "parts of the mix, as --shrink names them");
  CLI11_PARSE(app, count, values);
  if (seed != 0) arguments.from = arguments.to = seed;
  if (const size_t dots = seeds.find(".."); dots != std::string::npos) {
    arguments.from = std::stoull(seeds.substr(0, dots));
    arguments.to = std::stoull(seeds.substr(dots + 2));
  }
  set_logging(log ? Level::kInfo : Level::kError, LogFormat::kPretty);
  if (!log && std::freopen("/dev/null", "w", stderr) == nullptr) return 1;
  return run_all(arguments, left_out);
}

}  // namespace rstmdb::sim

int main(int count, char** values) { return rstmdb::sim::run_program(count, values); }
