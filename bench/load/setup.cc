#include "load/setup.h"

#include <algorithm>

#include "bench/latencies.h"
#include "load/requests.h"

namespace rstmdb::bench {
namespace {

constexpr uint32_t kBatchInstances = 100;
constexpr uint32_t kBatchesInFlight = 16;

}  // namespace

Result<double> create_instances(const Address& address, uint32_t count) {
  RSTMDB_ASSIGN(Connection connection, Connection::open(address));
  append_put_machine(connection.out());
  RSTMDB_ASSIGN(const std::string_view put, connection.wait_for_answer());
  RSTMDB_TRY(answered_id(put));
  const int64_t start_ns = now_ns();
  uint32_t sent = 0;
  uint32_t answered = 0;
  const uint32_t batches = (count + kBatchInstances - 1) / kBatchInstances;
  while (answered < batches) {
    while (sent < batches && sent - answered < kBatchesInFlight) {
      const uint32_t first = sent * kBatchInstances;
      append_create(connection.out(), first, std::min(first + kBatchInstances, count));
      ++sent;
    }
    RSTMDB_ASSIGN(const std::string_view answer, connection.wait_for_answer());
    RSTMDB_TRY(answered_id(answer));
    ++answered;
  }
  return static_cast<double>(now_ns() - start_ns) / 1e9;
}

}  // namespace rstmdb::bench
