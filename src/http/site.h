// Whose page a request comes from, as far as a browser tells: what keeps the pages of others from
// using the gateway through the browser of somebody who may.
#pragma once

#include <string_view>

#include "http/request.h"

namespace rstmdb::http {

/// Whether the request comes from another site's page: its Origin is not the host that it was sent
/// to. A program that is no browser sends none.
bool comes_from_elsewhere(const Request& request);

/// Whether the host that the request was sent to is one that nobody else can give us: an address,
/// localhost, or `own_host`. Behind another name may be a page of others, whose name has been made
/// to lead here after the browser has loaded it.
bool names_us(const Request& request, std::string_view own_host);

}  // namespace rstmdb::http
