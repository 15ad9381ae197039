// What clients ask for: every kind of write, alone and in batches, with keys and expectations, on
// instances that all share; reads, listings, readings of the log and subscriptions between.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "crash/dice.h"
#include "json/writer.h"
#include "oracle.h"
#include "swarm.h"

namespace rstmdb::sim {

class Workload {
 public:
  Workload(Oracle& oracle, const Swarm& swarm, uint64_t seed)
      : oracle_(oracle), swarm_(swarm), dice_(seed) {}

  /// The next thing to ask for.
  AskId next();
  /// A subscription to the changes that `wish` names, or to some, with its filter drawn.
  AskId watch(WatchWish wish);
  WatchWish draw_watch();
  /// What came back.
  void heard(AskId ask, json::Value response);
  /// After a restart: beliefs are what the log says.
  void restarted();

 private:
  struct Belief {
    std::string state;
    uint64_t offset = 0;
  };

  AskId machine();
  AskId misuse_key(AskId answered);
  AskId alone(crash::Write write);
  AskId batch();
  AskId get();
  AskId list();
  AskId machines();
  AskId count();
  AskId history();
  AskId read_log();
  AskId compact();
  crash::Write create();
  crash::Write apply();
  crash::Write remove();
  crash::Write any_write();
  std::string body();
  const std::string& choose();
  void believe(uint64_t tag, json::Value response);
  void forget(const std::string& id);

  Oracle& oracle_;
  const Swarm& swarm_;
  crash::Dice dice_;
  std::vector<std::string> machines_;
  std::vector<std::string> instances_;  // believed to be alive
  std::unordered_map<std::string, Belief> beliefs_;
  std::unordered_map<std::string, bool> removing_;
  std::deque<AskId> answered_;  // with success, may be sent again
  struct Page {
    std::string instance_id;
    uint64_t before = 0;
  };
  uint64_t compacted_at_ = 0;  // the log's end when a client last asked for it
  std::deque<Page> pages_;     // that follow those of histories which have been read
};

}  // namespace rstmdb::sim
