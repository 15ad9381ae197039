#include "fanout/writers.h"

namespace rstmdb::bench {

Result<Writers> Writers::open(const Options& options) {
  Writers writers(options);
  for (uint32_t i = 0; i < options.connections; ++i) {
    RSTMDB_ASSIGN(Connection connection, Connection::open(options.address));
    RSTMDB_TRY(writers.rcp_.greet(connection));
    connection.set_nonblocking();
    Lane lane{std::move(connection), std::vector<int64_t>(options.pipelined), {}};
    for (uint32_t id = options.pipelined; id > 0; --id) lane.free_ids.push_back(id - 1);
    writers.lanes_.push_back(std::move(lane));
  }
  return writers;
}

bool Writers::ask(Lane& lane, int64_t now_ns) {
  if (lane.free_ids.empty()) return false;
  const uint32_t id = lane.free_ids.back();
  lane.free_ids.pop_back();
  chance_ ^= chance_ << 13;
  chance_ ^= chance_ >> 7;
  chance_ ^= chance_ << 17;
  const auto instance = static_cast<uint32_t>((chance_ >> 32) % options_.instances);
  rcp_.append(lane.connection.out(), {.operation = Operation::kApplyEvent,
                                      .slot = id,
                                      .instance = instance,
                                      .number = static_cast<uint32_t>(asked_)});
  lane.started_ns[id] = now_ns;
  ++asked_;
  return true;
}

Result<void> Writers::write(int64_t now_ns) {
  if (begun_ns_ == 0) begun_ns_ = now_ns;
  const uint64_t due = options_.per_second == 0
                           ? UINT64_MAX
                           : static_cast<uint64_t>(static_cast<double>(now_ns - begun_ns_) / 1e9 *
                                                   options_.per_second);
  size_t full = 0;  // connections, one behind the other, that take no more
  while (!stopped_ && asked_ < due && full < lanes_.size()) {
    full = ask(lanes_[turn_++ % lanes_.size()], now_ns) ? 0 : full + 1;
  }
  for (Lane& lane : lanes_) {
    if (lane.connection.out().empty()) continue;
    RSTMDB_ASSIGN(const bool all, lane.connection.send());
    static_cast<void>(all);
  }
  return {};
}

Result<void> Writers::receive(size_t index) {
  Lane& lane = lanes_[index];
  RSTMDB_ASSIGN(const size_t size, lane.connection.receive());
  if (size == 0) return {};
  const int64_t at_ns = now_ns();
  while (true) {
    RSTMDB_ASSIGN(const Answer answer, rcp_.read(lane.connection.input()));
    if (answer.size == 0) return {};
    const uint32_t id = answer.slot;
    if (id >= lane.started_ns.size())
      return Error(Code::kInternalError, "an answer nobody asked for").with("id", int64_t{id});
    lane.connection.drop(answer.size);
    latencies_.record(at_ns - lane.started_ns[id]);
    lane.free_ids.push_back(id);
    ++answered_;
  }
}

}  // namespace rstmdb::bench
