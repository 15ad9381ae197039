// What the gateway can do, as a document for programs: made from the contract when the server is
// built, so it is always that of the program that serves it.
#pragma once

#include "http/page.h"

namespace rstmdb::http {

/// "/openapi.json", OpenAPI 3.1.
Page openapi_page();

}  // namespace rstmdb::http
