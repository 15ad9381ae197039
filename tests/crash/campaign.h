// The whole run: cycle after cycle of load, kill, restart and check; now and then a new data
// folder.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "crash/checker.h"
#include "crash/dice.h"
#include "crash/inspection.h"
#include "crash/load.h"
#include "crash/server_process.h"
#include "crash/workload.h"

namespace rstmdb::crash {

class Campaign {
 public:
  struct Options {
    std::string server;  // the program
    std::string folder;  // where each server has its place
    std::string disk;    // where data folders are made
    std::string power;   // see ServerProcess
    uint64_t cycles;
    uint32_t connections;
    uint64_t seed;
    std::chrono::seconds time;  // no new cycle after it
    uint64_t folder_records;    // a folder with more gets its complete check and a successor
    uint32_t compact_percent;   // of the sessions; 0: the log is never compacted
  };

  explicit Campaign(const Options& options);
  ~Campaign();

  /// Runs until done or until something is wrong, printing progress.
  void run();
  /// Prints what was done and what was found, ending with `N passed, N failed`; true when all rules
  /// have been put to the test and hold.
  bool report() const;

 private:
  /// One data folder with its server and all that is known of it.
  struct Stage;
  struct Tally {
    uint64_t cycles = 0;
    uint64_t folders = 0;
    uint64_t recovery_kills = 0;
    uint64_t recovery_kills_late = 0;  // the server listened already
    uint64_t torn_tails = 0;
    uint64_t snapshot_starts = 0;
    uint64_t trims = 0;
    uint64_t segments_max = 0;
    std::chrono::microseconds start_time_max{0};
  };

  void begin_stage();
  void end_stage();
  Result<void> cycle();
  Result<void> restart();
  Result<void> restart_and_check();
  Result<void> restart_twice();
  bool compacting() const { return options_.compact_percent != 0; }
  Result<void> kill_during_recovery();
  Result<void> kill_in_recovery_once();
  Result<void> check_completely();
  void read_log();
  void note(const Result<void>& result);
  bool is_sound() const;
  void print_progress() const;
  void print_counts() const;
  void print_violations() const;

  Options options_;
  Dice dice_;
  Tally tally_;
  Counts counts_;                  // of finished stages
  Load::Compactions compactions_;  // likewise
  Verdict verdict_;                // of finished stages
  std::chrono::steady_clock::time_point started_;
  std::unique_ptr<Stage> stage_;
  std::string kept_folder_;  // of the stage in which something was wrong
  uint64_t wrong_cycle_ = 0;
};

}  // namespace rstmdb::crash
