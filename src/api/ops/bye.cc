#include "api/ops/ops.h"

namespace rstmdb::api {

Result<DependsOn> bye(const Context& context, const Params&, json::Writer& result) {
  context.caller.wants_close = true;
  result.member("goodbye", true);
  return DependsOn{};
}

}  // namespace rstmdb::api
