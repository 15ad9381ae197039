// Clients released together, round after round.
//
//   lin_race --server build/release/bin/rstmdb --rounds 10000 [--clients 64] [--only race.create]
//
// Exit codes: 0 every round has come out right, 1 one has not, 2 usage.

#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "crash/server_process.h"
#include "linearizability/log_pages.h"
#include "linearizability/races.h"
#include "linearizability/requests.h"

namespace {

using rstmdb::Result;
using rstmdb::lin::Arena;
using rstmdb::lin::Race;

Result<void> run(const Race& race, uint16_t port, size_t clients, uint64_t rounds) {
  RSTMDB_ASSIGN(Arena arena, Arena::open(port, clients));
  for (uint64_t round = 0; round < rounds; ++round) RSTMDB_TRY(race.round(arena, round));
  return {};
}

Result<void> prepare(uint16_t port) {
  RSTMDB_ASSIGN(auto connection, rstmdb::crash::Connection::open(port));
  const auto machine = rstmdb::lin::put_machine(0);
  return rstmdb::lin::exchange(connection, machine.op, machine.params, [](rstmdb::json::Value) {});
}

}  // namespace

int main(int argc, char** argv) {
  std::string program;
  std::string only;
  uint64_t rounds = 100;
  size_t clients = 64;
  CLI::App cli("releases clients together", "lin_race");
  cli.add_option("--server", program, "the server program")->required();
  cli.add_option("--rounds", rounds, "of each race");
  cli.add_option("--clients", clients, "released together")->check(CLI::Range(2, 512));
  cli.add_option("--only", only, "only races whose name holds this");
  CLI11_PARSE(cli, argc, argv);

  std::string folder = (std::filesystem::temp_directory_path() / "rstmdb-race-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    std::fprintf(stderr, "cannot make a folder below the temporary one\n");
    return 2;
  }
  uint64_t passed = 0;
  uint64_t failed = 0;
  {
    rstmdb::crash::ServerProcess server(
        {.program = program, .folder = folder, .data = folder + "/data"});
    Result<void> ready = server.spawn();
    if (ready.ok()) ready = server.wait_until_ready();
    if (ready.ok()) ready = prepare(server.port());
    for (const Race& race : rstmdb::lin::races()) {
      if (race.name.find(only) == std::string_view::npos) continue;
      const Result<void> done = ready.ok() ? run(race, server.port(), clients, rounds) : ready;
      ++(done.ok() ? passed : failed);
      std::printf("%s %s: %llu rounds of %zu clients%s%s\n", done.ok() ? "ok  " : "FAIL",
                  std::string(race.name).c_str(), static_cast<unsigned long long>(rounds), clients,
                  done.ok() ? "" : ": ", done.ok() ? "" : done.error().message().c_str());
      std::fflush(stdout);
    }
  }
  std::filesystem::remove_all(folder);
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(passed),
              static_cast<unsigned long long>(failed));
  return failed == 0 && passed > 0 ? 0 : 1;
}
