#include "node/recovery.h"

namespace rstmdb::node {
namespace {

constexpr int64_t kProgressEveryNs = 1'000'000'000;
constexpr uint64_t kClockEveryRecords = 16 * 1024;

Result<void> fold_unit(const log::Unit& unit, engine::State& state, engine::ChainHash& chain) {
  engine::RecordReader reader(unit.bytes, chain);
  while (!reader.at_end()) {
    auto record = reader.next();
    if (!record.ok()) {
      return std::move(record).error().with("offset",
                                            static_cast<int64_t>(state.last_offset() + 1));
    }
    if (record->offset != state.last_offset() + 1) {
      return Error(Code::kInternalError, "the log holds records in a wrong order")
          .with("code", "RECORD_DAMAGED")
          .with("offset", static_cast<int64_t>(record->offset))
          .with("expected", static_cast<int64_t>(state.last_offset() + 1));
    }
    state.apply(*record);
  }
  return {};
}

}  // namespace

Result<void> replay(log::Log& log, engine::State& state, engine::ChainHash& chain, io::Clock& clock,
                    const std::function<void(const ReplayProgress&)>& progress) {
  const uint64_t before = state.last_offset();
  const int64_t start_ns = clock.steady_ns();
  int64_t reported_ns = start_ns;
  ReplayProgress now;
  now.records_total = log.committed() - before;
  const auto report = [&](int64_t at_ns) {
    now.elapsed_ms = (at_ns - start_ns) / 1'000'000;
    if (progress) progress(now);
  };
  RSTMDB_ASSIGN(const auto cursor, log.read_from(before + 1));
  uint64_t next_look = kClockEveryRecords;
  while (true) {
    RSTMDB_ASSIGN(const auto unit, cursor->next());
    if (!unit) break;
    RSTMDB_TRY(fold_unit(*unit, state, chain));
    now.records_done = state.last_offset() - before;
    now.bytes_done += unit->bytes.size();
    if (now.records_done < next_look) continue;
    next_look = now.records_done + kClockEveryRecords;
    const int64_t at_ns = clock.steady_ns();
    if (at_ns - reported_ns < kProgressEveryNs) continue;
    reported_ns = at_ns;
    report(at_ns);
  }
  report(clock.steady_ns());
  return {};
}

}  // namespace rstmdb::node
