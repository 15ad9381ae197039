// Kills a real server with SIGKILL under load, again and again, and checks after each restart that
// nothing acknowledged is lost, nothing is doubled, and all else that checker.h and verdict.h say.
//
//   crash_kill9 --server build/release/bin/rstmdb --cycles 1000 --connections 8 --seed 1
//
// Exit codes: 0 all rules hold, 1 one does not (the data folder is kept), 2 usage.

#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "crash/campaign.h"

int main(int argc, char** argv) {
  rstmdb::crash::Campaign::Options options{
      .server = "",
      .folder = "",
      .disk = "",
      .power = "",
      .cycles = 40,
      .connections = 8,
      .seed = 1,
      .time = std::chrono::hours(24),
      .folder_records = 200'000,
      .compact_percent = 0,
  };
  int64_t seconds = options.time.count();
  CLI::App cli("kills a server under load and checks what it remembers", "crash_kill9");
  cli.add_option("--server", options.server, "the server program")->required();
  cli.add_option("--cycles", options.cycles, "how often it is killed under load");
  cli.add_option("--connections", options.connections, "clients at once")->check(CLI::Range(1, 64));
  cli.add_option("--seed", options.seed, "of requests and kill times");
  cli.add_option("--seconds", seconds, "begin no cycle after this time");
  cli.add_option("--folder-records", options.folder_records,
                 "records after which a new data folder is begun");
  cli.add_option("--compact-percent", options.compact_percent,
                 "share of the sessions in which COMPACT is asked for; each start is made twice")
      ->check(CLI::Range(0, 100));
  cli.add_option("--disk", options.disk, "where data folders are made, instead of beside");
  cli.add_option(
      "--power", options.power,
      "a command that takes the power from that disk (`cut`) instead of a kill alone, and "
      "gives it back (`restore`)");
  CLI11_PARSE(cli, argc, argv);
  options.time = std::chrono::seconds(seconds);

  std::string folder = (std::filesystem::temp_directory_path() / "rstmdb-kill9-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr, "cannot make a folder below the temporary one\n");
    return 2;
  }
  options.folder = folder;
  if (options.disk.empty()) options.disk = folder;
  bool sound = false;
  {
    rstmdb::crash::Campaign campaign(options);
    campaign.run();
    sound = campaign.report();
  }
  std::error_code left_behind;
  std::filesystem::remove(folder, left_behind);  // only when it is empty
  return sound ? 0 : 1;
}
