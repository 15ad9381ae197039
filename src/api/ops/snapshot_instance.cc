#include <string>

#include "api/ops/ops.h"
#include "api/ops/write_step.h"
#include "base/hash.h"

namespace rstmdb::api {
namespace {

using P = params::SnapshotInstanceParam;

}  // namespace

Result<DependsOn> snapshot_instance(const Context& context, const Params& params,
                                    json::Writer& result) {
  RSTMDB_ASSIGN(auto write, context.node.write(origin_of(context)));
  engine::SnapshotInstance command;
  command.instance_id = params.text(P::kInstanceId);
  command.snapshot_id = write.new_id();
  RSTMDB_ASSIGN(const engine::Outcome outcome, write.decide(command));
  RSTMDB_TRY(write.commit());
  // The document lives in the draft, which the next write begins anew.
  result.member("instance_id", outcome.instance_id)
      .member("snapshot_id", command.snapshot_id)
      .member("wal_offset", outcome.offset)
      .member("size_bytes", outcome.context.size())
      .member("checksum", std::string_view(sha256_hex(outcome.context)));
  return DependsOn{outcome.offset};
}

}  // namespace rstmdb::api
