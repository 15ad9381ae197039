// What the clients ask: every verb, alone and in batches, with and without expectations and keys,
// lists, pages and histories between, on few instances that live briefly, so that clients meet.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "crash/dice.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

class Plan {
 public:
  static constexpr uint64_t kHistoriesPerMille = 6;

  explicit Plan(uint64_t seed, uint64_t histories_per_mille = kHistoriesPerMille)
      : dice_(seed), histories_per_mille_(histories_per_mille) {}

  /// The next operation of a client; only what is asked is filled in.
  Operation next(uint32_t client);
  /// What became of it.
  void ended(const Operation& operation);
  /// An instance that is believed to be alive; 0 when there is none.
  uint32_t some_instance();

 private:
  struct Belief {
    int8_t state = 0;
    uint64_t offset = 0;
  };

  Operation list(uint32_t client);
  Operation history();
  Operation batch(uint32_t client);
  Act write(uint32_t client);
  Act create();
  Act apply();
  Act remove();
  uint32_t choose();
  void believe(const Act& act);
  void forget(uint32_t instance);

  crash::Dice dice_;
  uint64_t histories_per_mille_;
  uint32_t last_instance_ = 0;
  uint64_t last_tag_ = 0;
  uint64_t last_offset_ = 0;  // that anybody was told
  std::vector<uint32_t> alive_;
  std::deque<uint32_t> gone_;  // the last ones that were removed
  std::unordered_map<uint32_t, Belief> beliefs_;
  std::deque<Operation> unknown_;   // to be sent again
  std::deque<Operation> repeated_;  // may be sent again although they are under way or answered
};

}  // namespace rstmdb::lin
