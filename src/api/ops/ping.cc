#include "api/ops/ops.h"

namespace rstmdb::api {

Result<DependsOn> ping(const Context&, const Params&, json::Writer& result) {
  result.member("pong", true);
  return DependsOn{};
}

}  // namespace rstmdb::api
