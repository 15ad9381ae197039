// Parameters that stand outside of a request's body: in its path, its query and its header fields,
// written as the JSON object that the operations read. What is text there becomes what the
// parameter's type wants; what does not fit stays text, and the check of all parameters refuses it
// by name, so that no rule stands here a second time.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/request.h"
#include "http/route.h"

namespace rstmdb::http {

/// Appends the object to `out`, with `body` (JSON in normal form) as the parameter that the route
/// has for it, if it has one. kBadRequest, with detail path for what a parameter cannot be, and
/// without one for what is no HTTP: a percent sign without two digits, an If-Match that is not one
/// offset.
Result<void> write_outer_params(std::string& out, const Found& found, const Request& request,
                                std::string_view body);

/// kBadRequest for a write that is asked for under a condition (If-Match) or once only
/// (Idempotency-Key) where nothing would see to it: such a wish is not passed over.
Result<void> check_wishes(const RouteRow& route, const Request& request);

/// Whether the route has a place outside of the body for anything at all.
bool has_outer_params(const RouteRow& route);

/// Appends `text` with everything but letters, digits and -._~ as percent signs and digits.
void append_percent_encoded(std::string& out, std::string_view text);

}  // namespace rstmdb::http
