// From lines of JSON to the rows of a state. Each line is judged by itself and against the ones
// before it, so that what is wrong is named by line and column and not at the end by a hash.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "engine/definition.h"
#include "engine/rows.h"
#include "engine/state_walk.h"
#include "json/document.h"

namespace rstmdb::admin {

/// One thread.
class ImportRows {
 public:
  /// `now_ms` is the time of what has none.
  explicit ImportRows(int64_t now_ms);
  ~ImportRows();

  /// Takes the next line, without its end; an empty one is passed over. kBadRequest with details
  /// line, column and reason.
  Result<void> add_line(std::string_view line);
  /// The next line has more than limits::kImportLineBytesMax bytes; add_line() says the same.
  Error too_long() const;
  /// There are no more lines. Fails like add_line(), and with code=STATE_DIFFERS.
  Result<void> finish();

  // After finish().
  const engine::StateFacts& facts() const { return facts_; }
  engine::ChainHash chain() const { return chain_; }
  /// The rows, in blocks that a snapshot can take.
  const std::vector<engine::RowBlock>& blocks() const { return blocks_; }

 private:
  struct Known {
    engine::DefinitionIndex index = 0;
    engine::Definition definition;
  };
  struct Line;  // the line in hand, as a document
  struct ByLow {
    size_t operator()(const Hash128& hash) const { return hash.low; }
  };

  Result<void> add_header(const Line& line);
  Result<void> add_machine(const Line& line);
  Result<void> add_instance(const Line& line);
  Result<void> add_key(const Line& line);
  Result<void> add_end(const Line& line);
  Result<const Known*> machine_of(const Line& line) const;
  Result<engine::StateIndex> state_of(const Line& line, std::string_view member,
                                      const engine::Definition& definition) const;
  Result<void> check_counts(const Line& line) const;
  Result<uint64_t> offset_of(const Line& line) const;
  Result<std::string_view> context_of(const Line& line) const;
  Result<int64_t> time_of(const Line& line, std::string_view member, int64_t otherwise) const;
  template <class Row>
  void add_row(const Row& row);

  std::unique_ptr<Line> line_;
  uint64_t lines_ = 0;
  uint64_t rows_ = 0;
  bool has_header_ = false;
  bool has_end_ = false;
  std::map<std::string, std::map<uint32_t, Known>, std::less<>> machines_;
  std::unordered_set<Hash128, ByLow> ids_;  // of instances, by their hash
  uint64_t tombstones_ = 0;
  engine::StateFacts facts_;
  engine::ChainHash chain_;
  Hash128 sum_;  // of the rows' hashes
  std::vector<engine::RowBlock> blocks_;
  std::string texts_;  // of the row in hand
};

}  // namespace rstmdb::admin
