// Which operation a request is: the table made from protocol/http.json, and the search in it.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "http/route_table.inc"  // IWYU pragma: export

namespace rstmdb::http {

struct Found {
  const RouteRow* route = nullptr;  // null: none has this path, or none has it with this method
  std::string allow;  // of a path that is there: "GET, HEAD"; empty when no route has it
  /// The path's segments as they came, percent signs and all; the first `segments` count.
  static constexpr size_t kSegmentsMax = 4;
  std::array<std::string_view, kSegmentsMax> segments;
};

/// HEAD is GET. The path may begin with kPrefix or not.
Found find_route(std::string_view method, std::string_view path);

const api::OperationRow& operation_of(const RouteRow& route);

}  // namespace rstmdb::http
