// Clients and watchers against a server that is killed under them; every answer and every
// notification is held against one order of everything.
//
//   lin_run --server build/release/bin/rstmdb --operations 1000000 --seed 1
//   lin_run --check history.jsonl     the checkers alone, over a history that was kept
//   lin_run --wrong FOLDER            histories that one instance's answers alone give away, each
//                                     with one mistake, for other checkers
//
// Exit codes: 0 all rules hold, 1 one does not, or the run was cut short (the history is kept), 2
// usage, or a history that cannot be checked.

#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "linearizability/campaign.h"
#include "linearizability/history_file.h"
#include "linearizability/made_history.h"
#include "linearizability/plan.h"
#include "linearizability/wrong_histories.h"

namespace {

int check(const std::string& file) {
  std::ifstream in(file);
  const auto history = rstmdb::lin::read_history(in);
  if (!history.ok()) {
    std::fprintf(stderr, "%s: %s\n", file.c_str(), history.error().to_string().c_str());
    return 2;
  }
  if (history->cut_short) {
    std::fprintf(stderr, "%s: its run was cut short, so the end of its log is not known\n",
                 file.c_str());
    return 2;
  }
  const auto examined = rstmdb::lin::examine(*history);
  for (const auto& finding : examined.findings.first_violations()) {
    std::printf("VIOLATION of %s: %s\n", std::string(rstmdb::lin::rule_name(finding.rule)).c_str(),
                finding.facts.c_str());
  }
  std::printf("%zu operations, %zu records, %llu violations\n", history->operations.size(),
              history->records.size(),
              static_cast<unsigned long long>(examined.findings.violations()));
  return examined.findings.violations() == 0 ? 0 : 1;
}

int write_wrong(const std::string& folder) {
  constexpr size_t kOperations = 4'000;
  for (const auto& mistake : rstmdb::lin::mistakes()) {
    if (!mistake.one_instance) continue;
    auto history = rstmdb::lin::made_history(1, kOperations);
    rstmdb::crash::Dice dice(1);
    std::ofstream out(folder + "/" + std::string(mistake.name) + ".jsonl");
    if (!mistake.make(history, dice) || !out) return 2;
    rstmdb::lin::write_history(history, out);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  rstmdb::lin::Campaign::Options options{
      .server = "",
      .folder = "",
      .keep = "",
      .operations = 100'000,
      .folder_operations = 100'000,
      .session_ms_max = 300,
      .compactions_max = 2,
      .histories_per_mille = rstmdb::lin::Plan::kHistoriesPerMille,
      .clients = 16,
      .watchers = 8,
      .seed = 1,
      .time = std::chrono::hours(24),
  };
  int64_t seconds = options.time.count();
  std::string file;
  std::string wrong;
  CLI::App cli("checks that a killed server's answers have one order", "lin_run");
  cli.add_option("--server", options.server, "the server program");
  cli.add_option("--check", file, "check this history instead");
  cli.add_option("--wrong", wrong, "write wrong histories into this folder instead");
  cli.add_option("--operations", options.operations, "how many at least");
  cli.add_option("--folder-operations", options.folder_operations, "until a new data folder");
  cli.add_option("--session-ms", options.session_ms_max, "until a kill, at most")
      ->check(CLI::Range(50, 60'000));
  cli.add_option("--compactions", options.compactions_max, "between two kills, at most");
  cli.add_option("--histories", options.histories_per_mille, "of a thousand operations");
  cli.add_option("--clients", options.clients, "connections that ask")->check(CLI::Range(1, 64));
  cli.add_option("--watchers", options.watchers, "connections that watch")
      ->check(CLI::Range(1, 64));
  cli.add_option("--seed", options.seed, "of requests, filters and kill times");
  cli.add_option("--seconds", seconds, "begin no data folder after this time");
  cli.add_option("--keep", options.keep, "write the first history to this file");
  CLI11_PARSE(cli, argc, argv);
  if (!file.empty()) return check(file);
  if (!wrong.empty()) return write_wrong(wrong);
  if (options.server.empty()) {
    std::fprintf(stderr, "--server, --check or --wrong is needed\n");
    return 2;
  }
  options.time = std::chrono::seconds(seconds);

  std::string folder = (std::filesystem::temp_directory_path() / "rstmdb-lin-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr, "cannot make a folder below the temporary one\n");
    return 2;
  }
  options.folder = folder;
  bool sound = false;
  {
    rstmdb::lin::Campaign campaign(options);
    campaign.run();
    sound = campaign.report();
  }
  std::error_code left_behind;
  std::filesystem::remove(folder, left_behind);  // only when it is empty
  return sound ? 0 : 1;
}
