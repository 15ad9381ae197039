// HTTP as a client speaks it, written apart from the gateway: one request after the other, answers
// in the same order, and a subscription as a stream of events that has the connection for itself.
#include <algorithm>
#include <charconv>
#include <deque>

#include "json/document.h"
#include "json/scan.h"
#include "json/writer.h"
#include "line.h"

namespace rstmdb::sim {
namespace {

constexpr std::string_view kHost = "127.0.0.1:8080";
constexpr std::string_view kLineEnd = "\r\n";

struct Route {
  std::string_view op;
  std::string_view method;
  std::string_view path;  // {names} are parameters
  enum class Body : uint8_t { kNone, kParams, kDefinition } body = Body::kNone;
  std::string_view etag = {};  // the member of the result that the ETag shows
};

constexpr Route kRoutes[] = {
    {"PING", "GET", "/v1/ping"},
    {"LIST_MACHINES", "GET", "/v1/machines"},
    {"PUT_MACHINE", "PUT", "/v1/machines/{machine}/versions/{version}", Route::Body::kDefinition},
    {"COUNT_INSTANCES", "GET", "/v1/machines/{machine}/counts"},
    {"CREATE_INSTANCE", "POST", "/v1/instances", Route::Body::kParams, "wal_offset"},
    {"LIST_INSTANCES", "GET", "/v1/instances"},
    {"GET_INSTANCE", "GET", "/v1/instances/{instance_id}", Route::Body::kNone, "last_wal_offset"},
    {"DELETE_INSTANCE", "DELETE", "/v1/instances/{instance_id}"},
    {"APPLY_EVENT", "POST", "/v1/instances/{instance_id}/events", Route::Body::kParams,
     "wal_offset"},
    {"GET_HISTORY", "GET", "/v1/instances/{instance_id}/history"},
    {"WATCH_INSTANCE", "GET", "/v1/instances/{instance_id}/watch"},
    {"BATCH", "POST", "/v1/batch", Route::Body::kParams},
    {"WAL_READ", "GET", "/v1/log"},
    {"COMPACT", "POST", "/v1/compact", Route::Body::kParams},
    {"WATCH_ALL", "GET", "/v1/watch"},
};

constexpr Route kOneMachine = {"LIST_MACHINES", "GET", "/v1/machines/{machine}/versions"};

const Route& route_of(const Ask& ask) {
  if (ask.kind == Ask::Kind::kMachines && !ask.list.machine.empty()) return kOneMachine;
  return *std::ranges::find(kRoutes, ask.op, &Route::op);
}

/// A value as it stands in an address: names here need no percent signs.
std::string plain(json::Value value) {
  if (value.is_string()) return std::string(value.string());
  if (!value.is_array()) return std::string(value.text());
  std::string names;
  for (json::Value each = value.first(); each; each = each.next())
    names.append(names.empty() ? "" : ",").append(each.string());
  return names;
}

Error unreadable(std::string_view what, std::string_view text) {
  return Error(Code::kInternalError, std::string(what) + ": " + std::string(text.substr(0, 300)));
}

/// Puts the parameters of a request where they belong.
class Placing {
 public:
  Placing(const Route& route, uint64_t id) : route_(route), id_(id), path_(route.path) {}

  void add(std::string_view name, json::Value value) {
    const std::string place = "{" + std::string(name) + "}";
    const size_t at = path_.find(place);
    if (at != std::string::npos) {
      path_.replace(at, place.size(), plain(value));
    } else if (name == "definition") {
      body_ = value.text();
    } else if (name == "idempotency_key" && id_ % 2 == 0) {
      add_field("Idempotency-Key", value.string());
    } else if (name == "expected_wal_offset" && id_ % 3 != 0) {
      add_field("If-Match", "\"" + std::string(value.text()) + "\"");
    } else if (name == "after_offset" && id_ % 2 == 0) {
      add_field("Last-Event-ID", value.text());
    } else if (route_.body == Route::Body::kParams) {
      body_.append(body_.empty() ? "{" : ",").append("\"").append(name).append("\":");
      body_.append(value.text());
    } else {
      query_.append(query_.empty() ? "?" : "&").append(name).append("=").append(plain(value));
    }
  }

  void write(std::string& out, std::string_view token) {
    if (route_.body == Route::Body::kParams) body_.append(body_.empty() ? "{}" : "}");
    out.append(route_.method).append(" ").append(path_).append(query_).append(" HTTP/1.1\r\n");
    out.append("Host: ").append(kHost).append(kLineEnd);
    if (!token.empty()) out.append("Authorization: Bearer ").append(token).append(kLineEnd);
    out.append(fields_);
    if (!body_.empty())
      out.append("Content-Type: application/json\r\nContent-Length: ")
          .append(std::to_string(body_.size()))
          .append(kLineEnd);
    out.append(kLineEnd).append(body_);
  }

 private:
  void add_field(std::string_view name, std::string_view value) {
    fields_.append(name).append(": ").append(value).append(kLineEnd);
  }

  const Route& route_;
  uint64_t id_;
  std::string path_;
  std::string query_;
  std::string fields_;
  std::string body_;
};

class HttpLine final : public Line {
 public:
  void ask(std::string& out, uint64_t id, const Ask& ask, std::string_view token) override {
    const Route& route = route_of(ask);
    Placing placing(route, id);
    json::Document params;
    if (params.parse(ask.params).ok())
      for (json::Value each = params.root().first(); each; each = each.next())
        placing.add(each.key(), each);
    placing.write(out, token);
    asked_.push_back({id, route.etag});
  }

  Result<std::optional<Heard>> next(std::string_view input) override {
    if (streams_) return next_chunk(input);
    const size_t head_end = input.find("\r\n\r\n", std::min(looked_, input.size()));
    if (head_end == std::string_view::npos) {
      looked_ = input.size() < 3 ? 0 : input.size() - 3;
      return std::optional<Heard>();
    }
    looked_ = head_end;
    const std::string_view head = input.substr(0, head_end + 2);
    if (!head.starts_with("HTTP/1.1 ") || asked_.empty())
      return unreadable("no answer to anything", head);
    if (field(head, "Transfer-Encoding") == "chunked") {
      streams_ = true;
      looked_ = 0;
      return std::optional(Heard{head_end + 4});
    }
    size_t size = 0;
    const std::string_view length = field(head, "Content-Length");
    std::from_chars(length.data(), length.data() + length.size(), size);
    if (length.empty()) return unreadable("an answer without a length", head);
    if (input.size() - head_end - 4 < size) return std::optional<Heard>();
    RSTMDB_TRY(take_answer(head, input.substr(head_end + 4, size)));
    looked_ = 0;
    return std::optional(Heard{head_end + 4 + size, payload_});
  }

 private:
  struct Asked {
    uint64_t id;
    std::string_view etag;
  };

  static std::string_view field(std::string_view head, std::string_view name) {
    const std::string mark = "\r\n" + std::string(name) + ": ";
    const size_t at = head.find(mark);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = head.substr(at + mark.size());
    return rest.substr(0, rest.find(kLineEnd));
  }

  Result<void> take_answer(std::string_view head, std::string_view body) {
    const Asked asked = asked_.front();
    asked_.pop_front();
    const bool ok = head.substr(9).starts_with('2');
    const std::string_view status = head.substr(9, 3);
    if (!ok && json::scan_member(body, "status").value_or("") != status)
      return unreadable("another status in the body", body);
    const std::string tag =
        "\"" + std::string(json::scan_member(body, asked.etag).value_or("")) + "\"";
    if (ok && !asked.etag.empty() && field(head, "ETag") != tag)
      return unreadable("another ETag than " + tag, head);
    answer(asked.id, ok, body);
    return {};
  }

  void answer(uint64_t id, bool ok, std::string_view body) {
    payload_ = R"({"type":"response","id":")" + (id == 0 ? "" : std::to_string(id));
    payload_.append(ok ? R"(","status":"ok","result":)" : R"(","status":"error","error":)");
    payload_.append(body).append("}");
  }

  Result<std::optional<Heard>> next_chunk(std::string_view input) {
    const size_t line_end = input.find(kLineEnd);
    if (line_end == std::string_view::npos) return std::optional<Heard>();
    size_t size = 0;
    const auto read = std::from_chars(input.data(), input.data() + line_end, size, 16);
    if (read.ptr != input.data() + line_end) return unreadable("no chunk", input);
    const size_t whole = line_end + 2 + size + 2;
    if (input.size() < whole) return std::optional<Heard>();
    const std::string_view bytes = input.substr(line_end + 2, size);
    if (input.substr(whole - 2, 2) != kLineEnd || (size > 0 && !bytes.ends_with("\n\n")))
      return unreadable("a chunk that is no event", input);
    payload_.clear();
    if (!bytes.empty() && !bytes.starts_with(':')) RSTMDB_TRY(take_event(bytes));
    return std::optional(Heard{whole, payload_});
  }

  Result<void> take_event(std::string_view text) {
    std::string_view id;
    std::string_view kind;
    std::string_view data;
    while (!text.empty()) {
      const size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(end + 1);
      if (line.starts_with("id: ")) id = line.substr(4);
      if (line.starts_with("event: ")) kind = line.substr(7);
      if (line.starts_with("data: ")) data = line.substr(6);
    }
    if (kind == "watching" && !asked_.empty()) {
      answer(asked_.front().id, true, data);
      asked_.pop_front();
    } else if (kind == "error") {
      answer(0, false, data);
    } else if (json::scan_member(data, "wal_offset").value_or("") == id) {
      payload_ = data;
    } else {
      return unreadable("the id of another event", data);
    }
    return {};
  }

  std::deque<Asked> asked_;
  std::string payload_;
  size_t looked_ = 0;
  bool streams_ = false;
};

}  // namespace

std::unique_ptr<Line> http_line() { return std::make_unique<HttpLine>(); }

}  // namespace rstmdb::sim
