#include <utility>

#include "api/ops/ops.h"

namespace rstmdb::api {
namespace {

using P = params::CompactParam;

Later::Members members_of(const node::Compacted& done) {
  return [done](json::Writer& result) {
    result.member("snapshots_created", done.snapshots_created)
        .member("segments_deleted", done.segments_deleted)
        .member("bytes_reclaimed", done.bytes_reclaimed)
        .member("total_snapshots", done.total_snapshots)
        .member("wal_segments", done.wal_segments);
  };
}

}  // namespace

Result<DependsOn> compact(const Context& context, const Params& params, json::Writer&) {
  node::Compaction* compaction = context.node.compaction();
  if (compaction == nullptr)
    return Error(Code::kBadRequest, "this server keeps no files of its own").with("path", "op");
  using Snapshot = node::Compaction::Snapshot;
  const bool force = params.flag(P::kForceSnapshot);
  compaction->compact(force ? Snapshot::kAlways : Snapshot::kIfNew,
                      [owed = context.later.promise()](Result<node::Compacted> done) {
                        if (!done.ok()) return owed->give(std::move(done).error());
                        owed->give(members_of(*done));
                      });
  return DependsOn{};
}

}  // namespace rstmdb::api
