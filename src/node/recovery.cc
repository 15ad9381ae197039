#include "node/recovery.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "node/record_batches.h"

namespace rstmdb::node {
namespace {

constexpr int64_t kProgressEveryNs = 1'000'000'000;
/// Batches that are read ahead: enough for one side to go on while the other is held up.
constexpr size_t kBatchesAhead = 8;
/// Records whose instances are looked up ahead.
constexpr size_t kLookAhead = 16;

void fold(const std::vector<engine::Record>& records, engine::State& state) {
  std::array<std::string_view, kLookAhead> ids;
  for (size_t i = 0; i < records.size(); ++i) {
    if (i % kLookAhead == 0) {
      const size_t count = std::min(kLookAhead, records.size() - i);
      for (size_t k = 0; k < count; ++k) ids[k] = records[i + k].instance_id;
      state.instances().prefetch({ids.data(), count});
    }
    state.apply(records[i]);
  }
}

}  // namespace

Result<void> replay(log::Log& log, engine::State& state, engine::ChainHash& chain,
                    const ReplayOptions& options) {
  const uint64_t before = state.last_offset();
  const int64_t start_ns = options.clock.steady_ns();
  int64_t reported_ns = start_ns;
  ReplayProgress now;
  now.records_total = log.committed() - before;
  const auto report = [&](int64_t at_ns) {
    now.elapsed_ms = (at_ns - start_ns) / 1'000'000;
    if (options.progress) options.progress(now);
  };
  RSTMDB_ASSIGN(auto cursor, log.read_from(before + 1));
  RecordBatches batches(std::move(cursor), before + 1, chain);
  {
    io::ReadAhead<RecordBatch> ahead(options.ahead, kBatchesAhead, [&batches](RecordBatch& batch) {
      return batches.fill(batch);
    });
    while (const RecordBatch* batch = ahead.next()) {
      fold(batch->records(), state);
      if (batch->error()) return *batch->error();
      now.records_done = state.last_offset() - before;
      now.bytes_done += batch->unit_bytes();
      const int64_t at_ns = options.clock.steady_ns();
      if (at_ns - reported_ns < kProgressEveryNs) continue;
      reported_ns = at_ns;
      report(at_ns);
    }
  }
  chain = batches.chain();
  report(options.clock.steady_ns());
  return {};
}

}  // namespace rstmdb::node
