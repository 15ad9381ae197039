// One seed's run: lives of the server, each begun by a start that may fail and ended by a power
// cut, a kill, an orderly stop or a disk that gives up, with clients all the while; at the end a
// time without faults in which everything must come to its end, and a last look at everything.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "auditor.h"
#include "client.h"
#include "findings.h"
#include "machine.h"
#include "oracle.h"
#include "swarm.h"
#include "trace.h"
#include "workload.h"

namespace rstmdb::sim {

class Run {
 public:
  struct Options {
    uint64_t seed;
    int64_t time_ms;  // simulated
    Parts left_out = 0;
    Trace::Show show = Trace::Show::kNothing;
  };
  explicit Run(const Options& options);

  /// Runs to the end or until something is wrong.
  void go();

  const Findings& findings() const { return findings_; }
  const Oracle& oracle() const { return oracle_; }
  const Trace& trace() const { return trace_; }
  const Swarm& swarm() const { return swarm_; }
  int64_t now_ms() const { return loop_.now_ns() / 1'000'000; }
  struct Counts {
    uint64_t lives = 0, power_cuts = 0, kills = 0, stops = 0, log_stops = 0, failed_starts = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  enum class End : uint8_t { kPowerCut, kKill, kStop, kLimit };

  bool start();
  bool start_once();
  void adopt();
  void live();
  End draw_end();
  void end(End how);
  void choose_faults();
  void choose_disk_error();
  void choose_flip();
  void fill_disk();
  void fill_memory();
  void jump_clock();
  void audit();
  void audit_later();
  void settle();
  void finish();
  void compare_instances();
  void damage_copies();
  void damage_copy();

  Options options_;
  Swarm swarm_;
  crash::Dice dice_;
  io::SimulatedLoop loop_;
  io::SimulatedClock clock_;
  io::SimulatedNet net_;
  io::SimulatedFileSystem disk_;
  Trace trace_;
  Findings findings_;
  Oracle oracle_;
  Workload workload_;
  Auditor auditor_;
  Machine machine_;
  uint32_t connections_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  Counts counts_;
  Hash128 final_hash_;
  int64_t jumped_ms_ = 0;
  bool disk_may_fail_ = false;  // in this life, and when it starts
  bool must_cut_ = false;       // nothing but a power cut shows what the disk really holds
  bool calm_ = false;           // faults have stopped
  bool was_cut_ = false;        // the last life ended so
};

}  // namespace rstmdb::sim
