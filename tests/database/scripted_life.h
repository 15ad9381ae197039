// A life of the whole server on a simulated disk, with every kind of write, new segments,
// snapshots, compaction, a clean end and a kill; and a witness of what its client was told.
//
// There is one client and it waits for each answer, so the witness knows the state behind every
// unit of the log. After a crash the state has to be one of those, and not an older one than the
// last that was acknowledged. No other state has ever been promised to anybody.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "io/simulated_file_system.h"
#include "simulated_process.h"

namespace rstmdb::app {

struct Witness {
  std::map<uint64_t, Hash128> states;  // by the offset of the last record
  uint64_t acknowledged = 0;
  std::set<std::string> keys;  // of requests that were answered with ok
  // How the processes took what happened to them.
  uint64_t starts_refused = 0;
  uint64_t stopped_logs = 0;  // a write was answered by WAL_IO_ERROR
  uint64_t refused_compactions = 0;
  uint64_t failed_ends = 0;  // nothing had failed before
  uint64_t clean_ends = 0;
};

class ScriptedLife {
 public:
  ScriptedLife(io::SimulatedFileSystem& files, Witness& witness)
      : files_(files), witness_(witness) {}

  /// Three processes on the disk, one after the other: the first from an empty folder to a clean
  /// end, the second from a snapshot to a kill, the third from what the kill has left. One that
  /// does not start does nothing.
  void run();

 private:
  void first(Process& process);
  void second(Process& process);
  void third(Process& process);
  template <class Part>
  void live(uint64_t seed, Part part);
  void ask(Process& process, std::string_view op, std::string_view params);
  void ask_with_key(Process& process, std::string_view op, const std::string& key,
                    std::string_view params);
  void compact(Process& process);
  void fill_a_segment(Process& process, char name);
  void end(Process& process);

  io::SimulatedFileSystem& files_;
  Witness& witness_;
  std::unique_ptr<server::TestClient> client_;
  bool stopped_ = false;  // the log of the process that runs
};

/// The settings of these lives.
config::Config life_settings();

/// Starts a server on the disk and expects the promised state; then again, since the first start
/// may have changed what the second depends on.
void expect_promised_twice(io::SimulatedFileSystem& files, const Witness& witness,
                           const std::string& when);

}  // namespace rstmdb::app
