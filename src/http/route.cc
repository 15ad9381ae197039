#include "http/route.h"

#include <algorithm>

namespace rstmdb::http {
namespace {

static_assert(std::ranges::all_of(kRoutes, [](const RouteRow& row) {
  return row.segments.size() <= Found::kSegmentsMax;
}));

std::string_view name_of(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kDelete:
      return "DELETE";
  }
  return "";
}

/// How many segments the path has; none when it is not one of ours.
size_t split(std::string_view path, Found& found) {
  if (path.starts_with(kPrefix) && path.substr(kPrefix.size()).starts_with('/'))
    path.remove_prefix(kPrefix.size());
  size_t count = 0;
  while (path.starts_with('/')) {
    if (count == Found::kSegmentsMax) return 0;
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment.empty()) return 0;
    found.segments[count++] = segment;
    path.remove_prefix(segment.size());
  }
  return count;
}

bool matches(const RouteRow& row, const Found& found, size_t count) {
  if (row.segments.size() != count) return false;
  for (size_t i = 0; i < count; ++i) {
    const Segment& segment = row.segments[i];
    if (segment.param == kNoParam && segment.text != found.segments[i]) return false;
  }
  return true;
}

}  // namespace

Found find_route(std::string_view method, std::string_view path) {
  Found found;
  const size_t count = split(path, found);
  if (count == 0) return found;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const RouteRow& row : kRoutes) {
    if (!matches(row, found, count)) continue;
    if (name_of(row.method) == wanted) {
      found.route = &row;
      found.allow.clear();
      return found;
    }
    if (!found.allow.empty()) found.allow += ", ";
    found.allow += name_of(row.method);
    if (row.method == Method::kGet) found.allow += ", HEAD";
  }
  return found;
}

const api::OperationRow& operation_of(const RouteRow& route) {
  return api::kOperations[static_cast<size_t>(route.operation)];
}

}  // namespace rstmdb::http
