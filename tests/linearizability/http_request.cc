#include "linearizability/http_request.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "json/writer.h"

namespace rstmdb::lin {
namespace {

/// Written by hand from docs/http.md, not made from what makes the server's own table.
struct Route {
  std::string_view op;
  std::string_view method;
  std::string_view path;  // a member of the parameters stands in braces
  int success = 200;
  std::string_view tagged_by = {};
};

constexpr Route kRoutes[] = {
    {"CREATE_INSTANCE", "POST", "/v1/instances", 201, "wal_offset"},
    {"GET_INSTANCE", "GET", "/v1/instances/{instance_id}", 200, "last_wal_offset"},
    {"DELETE_INSTANCE", "DELETE", "/v1/instances/{instance_id}"},
    {"APPLY_EVENT", "POST", "/v1/instances/{instance_id}/events", 200, "wal_offset"},
    {"GET_HISTORY", "GET", "/v1/instances/{instance_id}/history"},
    {"LIST_INSTANCES", "GET", "/v1/instances"},
    {"BATCH", "POST", "/v1/batch"},
    {"COMPACT", "POST", "/v1/compact"},
    {"WATCH_INSTANCE", "GET", "/v1/instances/{instance_id}/watch"},
    {"WATCH_ALL", "GET", "/v1/watch"},
};

/// As it stands in a target; what our names and cursors are made of needs no more than this.
void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain || c == '-' || c == '_') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
}

std::string_view plain_text(json::Value value) {
  return value.is_string() ? value.string() : value.text();
}

void append_query(std::string& target, std::string_view key, json::Value value) {
  target += target.contains('?') ? '&' : '?';
  target.append(key).append("=");
  if (!value.is_array()) return append_encoded(target, plain_text(value));
  for (json::Value name = value.first(); name; name = name.next()) {
    append_encoded(target, plain_text(name));
    if (name.next()) target += ',';
  }
}

/// Whether the member has gone into a field.
bool take_field(HttpRequest& request, std::string_view key, json::Value value) {
  if (key == "idempotency_key") {
    request.fields.append("Idempotency-Key: ").append(plain_text(value)).append("\r\n");
  } else if (key == "expected_wal_offset") {
    request.fields.append("If-Match: \"").append(plain_text(value)).append("\"\r\n");
    request.if_match = true;
  } else if (key == "after_offset") {
    request.fields.append("Last-Event-ID: ").append(plain_text(value)).append("\r\n");
  } else {
    return false;
  }
  return true;
}

}  // namespace

HttpRequest http_request(std::string_view op, json::Value params, Style style) {
  const auto* const route = std::ranges::find(kRoutes, op, &Route::op);
  RSTMDB_CHECK(route != std::end(kRoutes), op);
  HttpRequest request{.method = route->method,
                      .target = std::string(route->path.substr(0, route->path.find('{'))),
                      .success = route->success,
                      .tagged_by = route->tagged_by};
  const size_t brace = route->path.find('{');
  std::string_view in_path;
  if (brace != std::string_view::npos) {
    const size_t end = route->path.find('}');
    in_path = route->path.substr(brace + 1, end - brace - 1);
    append_encoded(request.target, plain_text(params[in_path]));
    request.target += route->path.substr(end + 1);
  }
  const bool has_body = route->method == "POST";
  json::Writer writer(request.body);
  if (has_body) writer.open_object();
  for (json::Value member = params.first(); member; member = member.next()) {
    const std::string_view key = member.key();
    if (key == in_path) continue;
    // What cannot stand anywhere else: a DELETE has neither body nor query.
    const bool field = style == Style::kFields || route->method == "DELETE";
    if (field && take_field(request, key, member)) continue;
    if (has_body) {
      writer.key(key).value(json::RawJson{member.text()});
    } else {
      append_query(request.target, key, member);
    }
  }
  if (has_body) writer.close_object();
  return request;
}

}  // namespace rstmdb::lin
