// The parameters that both WATCH operations have.
#pragma once

#include <optional>

#include "api/context.h"
#include "api/params.h"
#include "json/writer.h"
#include "watch/hub.h"

namespace rstmdb::api {

/// Values of from_offset, after_offset and kinds, absent where not given.
struct WatchParams {
  std::optional<uint64_t> from_offset;
  std::optional<uint64_t> after_offset;
  json::Value kinds;
};

/// Reads them into `wish`. kBadRequest (path) for both offsets at once and for an unknown kind.
Result<void> read_watch_params(const WatchParams& params, watch::Wish& wish);

template <class P>
Result<void> read_watch_params(const Params& params, watch::Wish& wish) {
  WatchParams given;
  if (params.has(P::kFromOffset)) given.from_offset = params.number(P::kFromOffset);
  if (params.has(P::kAfterOffset)) given.after_offset = params.number(P::kAfterOffset);
  given.kinds = params.value(P::kKinds);
  wish.include_ctx = params.flag(P::kIncludeCtx);
  return read_watch_params(given, wish);
}

/// Begins the subscription, whose answer waits for `depends_on`; writes its id.
Result<DependsOn> begin_watching(const Context& context, watch::Wish wish, DependsOn depends_on,
                                 json::Writer& result);

}  // namespace rstmdb::api
