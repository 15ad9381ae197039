#include "http/openapi.h"

#include "http/openapi_document.inc"

namespace rstmdb::http {

Page openapi_page() {
  return {"/openapi.json", [] { return Response{.body = std::string(kOpenApi)}; }};
}

}  // namespace rstmdb::http
