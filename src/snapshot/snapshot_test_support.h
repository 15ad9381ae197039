// What the snapshot tests share: a state with a bit of everything, and its file.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine/history_test_support.h"
#include "engine/state_walk.h"
#include "io/simulated_file_system.h"
#include "snapshot/folder.h"
#include "snapshot/writer.h"

namespace rstmdb::snapshot {

inline const std::string kTestFolder = "/data/snapshots";

inline DatabaseId test_database(char of = 'd') {
  DatabaseId id;
  id.fill(of);
  return id;
}

/// A history whose state has machines, instances, deleted ones and keys.
inline engine::RandomHistory& full_history(uint64_t seed = 12) {
  static std::map<uint64_t, std::unique_ptr<engine::RandomHistory>> known;
  auto& history = known[seed];
  if (!history) {
    history = std::make_unique<engine::RandomHistory>(seed);
    history->run();
  }
  return *history;
}

/// Writes the history's state as it is now, to `path`.
inline Result<void> write_snapshot(io::FileSystem& files, const std::string& path,
                                   engine::RandomHistory& history,
                                   const DatabaseId& database = test_database()) {
  engine::StateWalk walk(history.state());
  RSTMDB_ASSIGN(
      const auto writer,
      Writer::create(files, path,
                     {.database = database, .facts = walk.facts(), .chain = history.chain()}));
  while (!walk.done()) walk.advance(3, 1000);
  for (const engine::RowBlock& block : walk.take_blocks()) RSTMDB_TRY(writer->write(block));
  return writer->finish();
}

}  // namespace rstmdb::snapshot
