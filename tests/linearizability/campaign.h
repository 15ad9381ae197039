// The whole run: data folder after data folder, in each some sessions of load ended by kills, then
// a quiet end, then the checkers over all that was seen.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "crash/dice.h"
#include "linearizability/examination.h"

namespace rstmdb::lin {

class Campaign {
 public:
  struct Options {
    std::string server;  // the program
    std::string folder;  // where data folders are made
    std::string keep;    // where the first history is written, or ""
    uint64_t operations;
    uint64_t folder_operations;  // after which a new data folder is begun
    uint64_t session_ms_max;     // until the server is killed
    uint64_t compactions_max;    // in a session, asked for one after the other
    uint64_t histories_per_mille;
    uint32_t clients;
    uint32_t watchers;
    uint64_t seed;
    std::chrono::seconds time;  // no new folder after it
  };

  explicit Campaign(const Options& options);
  ~Campaign();

  /// Runs until done or until something is wrong.
  void run();
  /// Prints what was done and found, ending with `N passed, N failed`; true when all rules have
  /// been put to the test and hold.
  bool report() const;

 private:
  struct Stage;
  struct Tally {
    uint64_t operations = 0;
    uint64_t unanswered = 0;
    uint64_t over_http = 0;
    uint64_t histories = 0;
    uint64_t records = 0;
    uint64_t told = 0;
    uint64_t streams = 0;
    uint64_t resumed = 0;
    uint64_t kills = 0;
    uint64_t folders = 0;
  };

  void stage();
  Result<void> play(Stage& stage);
  Result<void> begin(Stage& stage);
  Result<void> session(Stage& stage);
  Result<void> turn(Stage& stage, int64_t until);
  Result<void> quiet_end(Stage& stage);
  void examine_stage(Stage& stage);
  void keep(const Stage& stage, const std::string& file);
  Result<void> maybe_compact(Stage& stage);
  bool is_sound() const { return problem_.empty() && examined_.findings.violations() == 0; }

  Options options_;
  crash::Dice dice_;
  Tally tally_;
  Examined examined_;
  std::string problem_;  // what stopped the run, when it was no finding
  std::string kept_;     // the history in which something was wrong
  std::chrono::steady_clock::time_point started_;
  double checking_s_ = 0;
};

}  // namespace rstmdb::lin
