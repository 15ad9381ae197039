// An assembled server in a simulated world, as one process on a disk.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "app/database.h"
#include "io/simulated_file_system.h"
#include "io/simulated_loop.h"
#include "io/simulated_net.h"
#include "io/simulated_random.h"
#include "test_client.h"

namespace rstmdb::app {

inline constexpr std::string_view kMachine =
    R"({"machine":"m","version":1,"definition":{"states":["a","b"],"initial":"a","transitions":[)"
    R"({"from":["a","b"],"event":"GO","to":"b"}]}})";

inline config::Config settings() {
  config::Config config;
  config.network.bind_addr = "127.0.0.1:7401";
  config.storage.data_dir = "/data";
  config.storage.wal_segment_size_mb = 1;
  return config;
}

/// One process on a disk: made, used, and ended by destruction (a kill) or by stop().
class Process {
 public:
  explicit Process(io::SimulatedFileSystem& files, uint64_t seed = 1)
      : files_(files), loop_({.seed = seed}), random_(seed) {}

  Result<void> open(const config::Config& config = settings()) {
    auto opened = Database::open({.loop = loop_,
                                  .worker = worker_,
                                  .handshakes = worker_,
                                  .background = background_,
                                  .net = net_,
                                  .files = files_,
                                  .clock = clock_,
                                  .random = random_,
                                  .memory = watched_},
                                 config, [this] { ending_ = true; });
    if (!opened.ok()) return std::move(opened).error();
    database_ = std::move(opened).value();
    return {};
  }
  std::unique_ptr<server::TestClient> connect() {
    return std::make_unique<server::TestClient>(loop_, net_.connect("127.0.0.1:7401").value(),
                                                wire::Dialect::kRcpx);
  }
  /// SIGTERM; whether it came to a clean end.
  bool stop() {
    std::optional<bool> clean;
    database_->stop([&](const Result<void>& closed) { clean = closed.ok(); });
    loop_.run_until([&] { return clean.has_value(); }, 20'000);
    return clean.value_or(false);
  }
  Hash128 state_hash() { return database_->node().state().hash(); }
  watch::Hub& hub() { return database_->node().hub(); }
  const engine::State& state() { return database_->node().state(); }
  node::Node& node() { return database_->node(); }
  Database& database() { return *database_; }
  io::SimulatedLoop& loop() { return loop_; }
  /// What the process may have of memory, and has. From the next open() on it is looked at.
  void set_memory(uint64_t allowed, uint64_t resident) {
    memory_.allowed = allowed;
    memory_.resident = resident;
    watched_ = &memory_;
  }
  void run_for(int64_t ms) { loop_.run_for(ms); }
  bool wants_to_end() const { return ending_; }

 private:
  struct Memory final : io::Memory {
    uint64_t resident_bytes() override { return resident; }
    uint64_t allowed_bytes() override { return allowed; }
    uint64_t resident = 0;
    uint64_t allowed = 0;
  };

  io::SimulatedFileSystem& files_;
  io::SimulatedLoop loop_;
  io::SimulatedClock clock_{loop_};
  io::SimulatedRandom random_;
  io::SimulatedWorker worker_{loop_};
  io::SimulatedWorker background_{loop_};
  io::SimulatedNet net_{loop_};
  Memory memory_;
  io::Memory* watched_ = nullptr;
  bool ending_ = false;
  std::unique_ptr<Database> database_;
};

}  // namespace rstmdb::app
