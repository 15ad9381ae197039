#include "admin/fold.h"

#include "engine/fit.h"

namespace rstmdb::admin {
namespace {

/// The state is read here and thrown away, so nobody can choose ids against this.
constexpr uint64_t kHashSeed = 0x5eed;

}  // namespace

Fold::Fold() : Fold(engine::State({.hash_seed = kHashSeed}), {}) {}

Fold::Fold(engine::State state, engine::ChainHash chain)
    : state_(std::make_unique<engine::State>(std::move(state))),
      chain_(chain),
      pass_(state_->last_offset() + 1, chain) {}

Result<void> Fold::add_group(const log::LogReader& reader, log::Offset until) {
  return pass_.read_group(reader, [&](const engine::Record& record, uint64_t byte) -> Result<void> {
    if (record.offset > until) return {};
    return add(reader, record, byte, pass_.chain());
  });
}

Result<void> Fold::add(const log::LogReader& reader, const engine::Record& record, uint64_t byte,
                       engine::ChainHash chain) {
  if (record.offset <= state_->last_offset()) {
    // Read on the way to the place where the state stands. Its last record is known by its link.
    if (record.offset == state_->last_offset() && chain.value != chain_.value)
      return bad_record(reader, byte, record.offset, "RECORD_DAMAGED",
                        "the snapshot was made of another record");
    return {};
  }
  auto fit = engine::fits(*state_, record);
  if (!fit.ok())
    return bad_record(reader, byte, record.offset, "RECORD_DAMAGED", fit.error().detail("reason"));
  state_->apply(record);
  chain_ = chain;
  return {};
}

}  // namespace rstmdb::admin
