#include <algorithm>
#include <iterator>

#include "api/ops/ops.h"
#include "api/ops/refusals.h"

namespace rstmdb::api {
namespace {

using P = params::ListMachinesParam;

}  // namespace

Result<DependsOn> list_machines(const Context& context, const Params& params,
                                json::Writer& result) {
  const auto& machines = context.node.state().machines().by_name();
  auto first = machines.begin();
  uint64_t total = machines.size();
  if (params.has(P::kMachine)) {
    first = machines.find(params.text(P::kMachine));
    if (first == machines.end()) return no_machine(params.text(P::kMachine));
    total = 1;
  }
  const uint64_t skip = std::min<uint64_t>(params.number(P::kOffset), total);
  const uint64_t shown = std::min<uint64_t>(params.number(P::kLimit), total - skip);
  result.key("items").open_array();
  auto at = std::next(first, static_cast<std::ptrdiff_t>(skip));
  for (uint64_t i = 0; i < shown; ++i, ++at) {
    result.open_object()
        .member("machine", std::string_view(at->first))
        .key("versions")
        .open_array();
    for (const auto& [version, definition] : at->second->versions) result.value(version);
    result.close_array().close_object();
  }
  result.close_array().member("total", total).member("has_more", skip + shown < total);
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
