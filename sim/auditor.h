// Reads the log behind the server's back, as it is committed, and folds it a second time: what it
// reads is what the oracle holds everything against, and its own state must have the hash of the
// server's.
#pragma once

#include <memory>

#include "engine/record.h"
#include "engine/state.h"
#include "log/log.h"
#include "node/node.h"
#include "oracle.h"

namespace rstmdb::sim {

class Auditor {
 public:
  explicit Auditor(Oracle& oracle) : oracle_(oracle) {}

  /// A server has started.
  void attach(node::Node& node) { node_ = &node; }
  /// It has ended.
  void detach();
  /// Reads what survives a power cut by now. Fails when the log could not be read, which is wrong
  /// unless something is wrong with the disk.
  Result<void> read();
  /// Whether the server's state is what the records make of it; call it when all have been read.
  void compare_states();

 private:
  void take(const engine::Record& record);

  Oracle& oracle_;
  node::Node* node_ = nullptr;  // not owned
  std::unique_ptr<log::Cursor> cursor_;
  bool adopts_ = false;
  engine::ChainHash chain_;
  engine::State state_{engine::State::Options{.hash_seed = 1}};
};

}  // namespace rstmdb::sim
