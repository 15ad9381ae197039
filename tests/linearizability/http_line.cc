#include "linearizability/http_line.h"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <iterator>
#include <optional>
#include <utility>

#include "base/error.h"
#include "crash/connection.h"
#include "crash/history.h"
#include "linearizability/http_request.h"

namespace rstmdb::lin {
namespace {

namespace beast = boost::beast;
using Parser = beast::http::response_parser<beast::http::string_body>;

struct StatusOf {
  Code code;
  int status;
};

/// Of the refusals that this load can meet; the others are found strange for what they say.
constexpr StatusOf kStatuses[] = {
    {Code::kInvalidTransition, 409}, {Code::kInstanceExists, 409}, {Code::kGuardFailed, 422},
    {Code::kInstanceNotFound, 404},  {Code::kRateLimited, 429},
};

int status_due(std::string_view code, json::Value details, bool if_match) {
  if (code == code_name(Code::kNotFound))
    return crash::text_of(details, "code") == "OFFSET_COMPACTED" ? 410 : 404;
  if (code == code_name(Code::kConflict)) return if_match && details["expected_offset"] ? 412 : 409;
  const auto* const row =
      std::ranges::find(kStatuses, code, [](const StatusOf& each) { return code_name(each.code); });
  return row == std::end(kStatuses) ? 0 : row->status;
}

/// An event's lines of one field, joined; comments and other fields are passed over.
std::string field_of(std::string_view event, std::string_view name) {
  std::string value;
  while (!event.empty()) {
    const std::string_view line = event.substr(0, event.find('\n'));
    event.remove_prefix(std::min(line.size() + 1, event.size()));
    if (!line.starts_with(name) || !line.substr(name.size()).starts_with(": ")) continue;
    value += line.substr(name.size() + 2);
  }
  return value;
}

std::string enveloped(std::string_view status, std::string_view member, std::string_view json) {
  std::string text = "{\"status\":\"";
  text.append(status).append("\",\"").append(member).append("\":").append(json);
  return text;
}

}  // namespace

struct HttpLine::Answer {
  Answer() {
    parser.eager(true);
    parser.body_limit(boost::none);
  }
  bool is_stream() const {
    return parser.is_header_done() &&
           parser.get()[beast::http::field::content_type] == "text/event-stream";
  }
  Parser parser;
};

HttpLine::HttpLine(int descriptor, uint16_t port)
    : descriptor_(descriptor),
      host_("127.0.0.1:" + std::to_string(port)),
      answer_(std::make_unique<Answer>()) {}

HttpLine::~HttpLine() { ::close(descriptor_); }

Error HttpLine::nonsense(std::string_view what) const {
  return Error(Code::kInternalError, "HTTP: " + std::string(what));
}

void HttpLine::queue(uint64_t id, std::string_view op, std::string_view params) {
  json::Document document;
  RSTMDB_CHECK(document.parse(params).ok(), params);
  const HttpRequest request =
      http_request(op, document.root(), id % 2 == 0 ? Style::kFields : Style::kInside);
  Sent sent{.id = id,
            .target = {},
            .cached = {},
            .if_match = request.if_match,
            .success = request.success,
            .tagged_by = request.tagged_by};
  output_.append(request.method).append(" ").append(request.target).append(" HTTP/1.1\r\nHost: ");
  output_.append(host_).append("\r\n").append(request.fields);
  if (request.method == "GET" && !request.tagged_by.empty()) {
    sent.target = request.target;
    const auto seen = seen_.find(request.target);
    if (seen != seen_.end() && id % 3 != 0) {
      sent.cached = seen->second.body;
      output_.append("If-None-Match: ").append(seen->second.tag).append("\r\n");
    }
  }
  if (request.method == "POST") {
    output_.append("Content-Type: application/json\r\nContent-Length: ")
        .append(std::to_string(request.body.size()))
        .append("\r\n");
  }
  output_.append("\r\n").append(request.body);
  sent_.push_back(std::move(sent));
}

Result<HttpLine::Link> HttpLine::receive(const Take& take, const Hear& hear) {
  const bool open = crash::receive_some(descriptor_, input_);
  RSTMDB_TRY(take_bytes(take, hear));
  return open ? Link::kOpen : Link::kEnded;
}

Result<void> HttpLine::take_bytes(const Take& take, const Hear& hear) {
  size_t used = 0;
  while (used < input_.size()) {
    Parser& parser = answer_->parser;
    beast::error_code problem;
    const size_t taken =
        parser.put(boost::asio::buffer(input_.data() + used, input_.size() - used), problem);
    used += taken;
    if (problem && problem != beast::http::error::need_more)
      return nonsense(problem.message() + ": " + input_.substr(0, 500));
    if (answer_->is_stream()) RSTMDB_TRY(take_events(take, hear));
    if (parser.is_done()) {
      RSTMDB_TRY(take_answer(take));
      answer_ = std::make_unique<Answer>();
    } else if (taken == 0) {
      break;
    }
  }
  input_.erase(0, used);
  return {};
}

Result<void> HttpLine::take_answer(const Take& take) {
  if (answer_->is_stream()) return nonsense("a stream has ended");
  if (sent_.empty()) return nonsense("an answer to nothing: " + answer_->parser.get().body());
  const Sent sent = std::move(sent_.front());
  sent_.pop_front();
  const int status = answer_->parser.get().result_int();
  const std::string& body = answer_->parser.get().body();
  if (status == 304 && !sent.cached.empty()) {
    RSTMDB_TRY(document_.parse(enveloped("ok", "result", sent.cached) + "}"));
  } else if (status < 300) {
    if (status != sent.success) return nonsense("status " + std::to_string(status) + ": " + body);
    RSTMDB_TRY(take_success(sent, body));
  } else {
    RSTMDB_TRY(take_problem(sent, status, body));
  }
  take(sent.id, document_.root());
  return {};
}

Result<void> HttpLine::take_success(const Sent& sent, const std::string& body) {
  RSTMDB_TRY(document_.parse(enveloped("ok", "result", body) + "}"));
  if (sent.tagged_by.empty()) return {};
  const json::Value offset = document_.root()["result"][sent.tagged_by];
  const std::string tag(answer_->parser.get()[beast::http::field::etag]);
  if (tag != "\"" + std::string(offset.text()) + "\"")
    return nonsense(tag + " is the tag of " + body);
  if (!sent.target.empty()) seen_[sent.target] = {tag, body};
  return {};
}

Result<void> HttpLine::take_problem(const Sent& sent, int status, const std::string& body) {
  RSTMDB_TRY(document_.parse(enveloped("error", "error", body) + "}"));
  const json::Value problem = document_.root()["error"];
  const std::string code = crash::text_of(problem, "code");
  const int due = status_due(code, problem["details"], sent.if_match);
  const bool right =
      crash::number_of(problem, "status", 0) == static_cast<uint64_t>(status) &&
      (due == 0 || due == status) &&
      answer_->parser.get()[beast::http::field::content_type] == "application/problem+json";
  if (!right) return nonsense("status " + std::to_string(status) + ": " + body);
  return {};
}

Result<void> HttpLine::take_events(const Take& take, const Hear& hear) {
  std::string& body = answer_->parser.get().body();
  events_ += body;
  body.clear();
  size_t used = 0;
  for (size_t end = 0; (end = events_.find("\n\n", used)) != std::string::npos; used = end + 2) {
    RSTMDB_TRY(take_event(std::string_view(events_).substr(used, end - used), take, hear));
  }
  events_.erase(0, used);
  return {};
}

Result<void> HttpLine::take_event(std::string_view event, const Take& take, const Hear& hear) {
  const std::string kind = field_of(event, "event");
  const std::string id = field_of(event, "id");
  const std::string content = field_of(event, "data");
  if (kind.empty()) return {};  // a comment
  if (kind == "watching") {
    if (sent_.size() != 1) return nonsense("a stream among other requests");
    const uint64_t number = sent_.front().id;
    sent_.clear();
    RSTMDB_TRY(document_.parse(enveloped("ok", "result", content) + ",\"event_id\":" + id + "}"));
    take(number, document_.root());
    return {};
  }
  RSTMDB_TRY(document_.parse(content));
  const json::Value root = document_.root();
  const std::string said = crash::text_of(root, "kind");
  if (kind != (said.empty() ? "transition" : said) || id != root["wal_offset"].text())
    return nonsense("an event that is not what it carries: " + std::string(event));
  hear(root);
  return {};
}

}  // namespace rstmdb::lin
