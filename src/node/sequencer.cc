#include "node/sequencer.h"

#include <algorithm>

#include "base/uuid.h"

namespace rstmdb::node {

Sequencer::Sequencer(const Options& options)
    : log_(options.log),
      state_(options.state),
      hub_(options.hub),
      clock_(options.clock),
      random_(options.random),
      bounds_(options.bounds),
      memory_(options.memory),
      chain_(options.chain),
      draft_(options.state) {}

Sequencer::Write Sequencer::begin(const Origin& origin) {
  draft_.clear();
  engine::Stamp stamp;
  stamp.now_ms = std::max(state_.last_ts(), clock_.wall_ms());
  stamp.actor = origin.actor;
  stamp.trace_id = origin.trace_id;
  return Write(*this, stamp);
}

std::string_view Sequencer::Write::new_id() {
  std::string& id = sequencer_.draft_.keep();
  id = uuid_v7(stamp_.now_ms, sequencer_.random_.next_u64(), sequencer_.random_.next_u64());
  return id;
}

Result<uint64_t> Sequencer::Write::commit() { return sequencer_.commit(); }

Result<uint64_t> Sequencer::commit() {
  if (draft_.empty()) return uint64_t{0};
  RSTMDB_TRY(memory_.admit(draft_));
  if (draft_.records().size() > 1) draft_.number_batch();
  unit_.clear();
  engine::ChainHash chain = chain_;
  for (const engine::Record& record : draft_.records()) {
    engine::append_record(unit_, record, chain);
  }
  log::Unit unit;
  unit.first_offset = draft_.records().front().offset;
  unit.record_count = static_cast<uint32_t>(draft_.records().size());
  unit.bytes = unit_;
  RSTMDB_TRY(log_.append(unit));
  chain_ = chain;
  bytes_appended_ += unit_.size();
  hub_.folded(draft_.records());
  const uint64_t last = draft_.records().back().offset;
  // Folding moves the state under the draft's feet: from here on only the records are looked at.
  for (const engine::Record& record : draft_.records()) state_.apply(record);
  memory_.note_folded(unit_.size());
  return last;
}

}  // namespace rstmdb::node
