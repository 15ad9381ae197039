// The protocol's requests as HTTP asks them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json/document.h"

namespace rstmdb::lin {

/// Where that goes for which HTTP has a field of its own, and the body or query a place as well.
enum class Style : uint8_t { kFields, kInside };

struct HttpRequest {
  std::string_view method = {};
  std::string target = {};
  std::string fields = {};  // each "Name: value\r\n"
  std::string body = {};
  bool if_match = false;
  int success = 200;                // the status of a success
  std::string_view tagged_by = {};  // the result's member that its ETag repeats, or ""
};

/// `params` of an operation that our clients use.
HttpRequest http_request(std::string_view op, json::Value params, Style style);

}  // namespace rstmdb::lin
