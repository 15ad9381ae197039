// Pages that are made when they are asked for, by GET and HEAD, with no body and no token.
#pragma once

#include <functional>
#include <string>

#include "http/response.h"

namespace rstmdb::http {

struct Page {
  std::string path;  // "/metrics"
  std::function<Response()> make;
};

inline constexpr std::string_view kPageMethods = "GET, HEAD";

}  // namespace rstmdb::http
