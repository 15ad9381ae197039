// The machine that the server runs on: a disk that outlives it, and one life of the server after
// the other. A power cut may come at any file call; from then on nothing that the dying process
// does has an effect.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "app/database.h"
#include "crash/dice.h"
#include "io/simulated_file_system.h"
#include "io/simulated_loop.h"
#include "io/simulated_memory.h"
#include "io/simulated_net.h"
#include "io/simulated_random.h"
#include "swarm.h"
#include "trace.h"

namespace rstmdb::sim {

class Machine {
 public:
  struct Options {
    uint64_t seed;
    const Swarm& swarm;
    io::SimulatedLoop& loop;
    io::SimulatedClock& clock;
    io::SimulatedNet& net;
    io::SimulatedFileSystem& disk;
    Trace& trace;
  };
  explicit Machine(const Options& options);
  ~Machine();

  /// Starts the server. Fails as it does, and when the power is cut meanwhile.
  Result<void> start();
  /// SIGTERM: whether it came to a clean end within `within_ms`.
  bool stop(int64_t within_ms);
  /// Cuts the power before the `nth` file call from now.
  void cut_at(uint64_t nth) { cut_at_ = calls_ + nth; }
  void cut_power();
  bool is_cut() const { return cut_; }
  /// Whether the last start failed because the power was cut.
  bool was_cut() const { return start_was_cut_; }
  /// What is left of the life is gone, its process with it. Also after a clean end.
  void bury();
  /// Whether the server has asked to be ended because its log has stopped.
  bool wants_to_end() const { return ending_; }
  /// Syncs and jobs take no time from now on, and nobody cuts the power.
  void calm_down() {
    calm_ = true;
    cut_at_ = 0;
  }

  /// Up to which offset the log must be there after the end of the last life, which the policy of
  /// syncing promises.
  uint64_t promised() const { return promised_; }

  /// What the server may use, in the seeds in which it may run out of it.
  static constexpr uint64_t kMemoryMb = 64;
  io::SimulatedMemory& memory() { return memory_; }

  app::Database& database() { return *database_; }
  uint64_t committed() const { return committed_now(); }

 private:
  uint64_t committed_now() const;
  uint64_t promised_now() const;
  uint64_t first_of_newest_segment() const;
  void note_commit();
  void pass(int64_t duration_ns);
  void on_call(io::SimulatedFileSystem::Call call, const std::string& path);
  config::Config settings() const;

  Options options_;
  crash::Dice dice_;
  io::SimulatedRandom random_;
  io::SimulatedMemory memory_;
  std::optional<io::SimulatedWorker> worker_;
  std::optional<io::SimulatedWorker> background_;
  std::unique_ptr<app::Database> database_;
  uint64_t lives_ = 0;
  uint64_t calls_ = 0;
  uint64_t cut_at_ = 0;  // 0: never
  uint64_t committed_at_cut_ = 0;
  uint64_t promised_ = 0;
  uint64_t promised_if_cut_ = 0;  // should the power be cut before the next life has begun
  int64_t passed_ns_ = 0;         // inside of syncs
  struct Commit {
    int64_t at_ns;  // outside of syncs
    uint64_t offset;
  };
  std::deque<Commit> commits_;  // of the life, where time decides what is promised
  bool cut_ = false;
  bool start_was_cut_ = false;
  bool ending_ = false;
  bool ended_clean_ = false;
  bool calm_ = false;
};

}  // namespace rstmdb::sim
