#include "load/setup.h"

#include <algorithm>

#include "bench/latencies.h"
#include "load/rcp.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kBatchBytes = 1024 * 1024;
constexpr size_t kBatchInstances = 100;
constexpr uint32_t kBatchesUnderWay = 16;

Result<void> take_one(Connection& connection, Rcp& rcp) {
  RSTMDB_ASSIGN(const Answer answer, exchange(connection, rcp));
  connection.drop(answer.size);
  return {};
}

}  // namespace

Result<double> create_instances(const Address& address, uint32_t count, size_t context_bytes) {
  RSTMDB_ASSIGN(Connection connection, Connection::open(address));
  Rcp rcp(context_bytes);
  RSTMDB_TRY(rcp.greet(connection));
  append_put_machine(connection.out());
  RSTMDB_TRY(take_one(connection, rcp));
  const std::string context = context_of(context_bytes);
  const auto batch =
      static_cast<uint32_t>(std::clamp<size_t>(kBatchBytes / context_bytes, 1, kBatchInstances));
  const uint32_t batches = (count + batch - 1) / batch;
  const int64_t start_ns = now_ns();
  uint32_t sent = 0;
  for (uint32_t answered = 0; answered < batches; ++answered) {
    for (; sent < batches && sent - answered < kBatchesUnderWay; ++sent)
      append_create_batch(connection.out(), sent * batch, std::min((sent + 1) * batch, count),
                          context);
    RSTMDB_TRY(take_one(connection, rcp));
  }
  return static_cast<double>(now_ns() - start_ns) / 1e9;
}

}  // namespace rstmdb::bench
