// Folds the records of a log into a state, for commands that read data folders and backups. Unlike
// a start, it asks whether each record fits before it folds it, so bytes of unknown origin abort
// nothing.
#pragma once

#include <memory>
#include <optional>

#include "admin/record_pass.h"
#include "engine/state.h"

namespace rstmdb::admin {

/// One thread.
class Fold {
 public:
  /// Of nothing: the log has to begin with offset 1.
  Fold();
  /// Goes on from a state, whose last record has left `chain`.
  Fold(engine::State state, engine::ChainHash chain);

  /// Folds the records of the reader's group that lie behind the state's offset, up to `until`.
  Result<void> add_group(const log::LogReader& reader, log::Offset until);
  /// Folds one record, which stands at `byte` of the reader's file and leaves `chain`, if it lies
  /// behind the state's offset.
  Result<void> add(const log::LogReader& reader, const engine::Record& record, uint64_t byte,
                   engine::ChainHash chain);

  const engine::State& state() const { return *state_; }
  engine::State& state() { return *state_; }
  engine::ChainHash chain() const { return chain_; }

 private:
  std::unique_ptr<engine::State> state_;
  engine::ChainHash chain_;
  RecordPass pass_;
};

}  // namespace rstmdb::admin
