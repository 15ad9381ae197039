#include "api/operation.h"
#include "api/ops/features.h"
#include "api/ops/ops.h"
#include "wire/frame.h"

namespace rstmdb::api {

Result<DependsOn> info(const Context& context, const Params&, json::Writer& result) {
  const ServerFacts& facts = context.facts;
  const engine::State& state = context.node.state();
  const int64_t up_ns = context.node.clock().steady_ns() - facts.started_ns;
  result.member("server_name", "rstmdb")
      .member("server_version", std::string_view(facts.version))
      .member("protocol_version", static_cast<uint64_t>(wire::kProtocolVersion))
      .key("features")
      .open_array();
  for (const std::string_view feature : kFeatures) result.value(feature);
  result.close_array()
      .member("max_frame_bytes", static_cast<uint64_t>(facts.frame_bytes_max))
      .member("max_batch_ops", static_cast<uint64_t>(limits::kBatchOperationsMax))
      .member("max_payload_bytes", static_cast<uint64_t>(facts.frame_bytes_max))
      .member("wal_segment_size", facts.wal_segment_bytes)
      .member("auth_required", facts.auth_required)
      .member("role", right_name(context.caller.rights))
      .member("uptime_secs", up_ns / 1'000'000'000)
      .member("connections", facts.connections())
      .member("instances", state.live().count())
      .member("machines", static_cast<uint64_t>(state.machines().by_name().size()));
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
