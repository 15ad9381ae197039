#include "wire/message.h"

#include <cstring>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::wire {
namespace {

Error bad_field(std::string_view path, std::string message) {
  return Error(Code::kBadRequest, std::move(message)).with("path", path);
}

/// What follows a notification's shared text.
class EventEnd {
 public:
  EventEnd(std::string_view kind, std::string_view subscription_id) {
    if (!kind.empty()) {
      add(R"(,"kind":")");
      add(kind);
      add("\"");
    }
    add(R"(,"subscription_id":")");
    add(subscription_id);
    add("\"}");
  }
  std::string_view text() const { return {bytes_, size_}; }

 private:
  void add(std::string_view text) {
    RSTMDB_CHECK(text.size() <= sizeof bytes_ - size_, text);
    std::memcpy(bytes_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  char bytes_[kEventOwnBytesMax - kHeaderBytesMax];
  size_t size_ = 0;
};

}  // namespace

std::string_view readable_id(json::Value message) {
  const json::Value id = message["id"];
  if (!id.is_string() || id.string().size() > limits::kRequestIdBytesMax) return {};
  return id.string();
}

Result<Request> read_request(json::Value message) {
  if (!message.is_object()) return bad_field("", "a request is a JSON object");
  json::Value type, id, op, params;
  for (json::Value member = message.first(); member; member = member.next()) {
    const std::string_view key = member.key();
    if (key == "type") type = member;
    if (key == "id") id = member;
    if (key == "op") op = member;
    if (key == "params") params = member;
  }
  if (!type.is_string() || type.string() != "request") {
    return bad_field("type", "type must be \"request\"");
  }
  if (!id.is_string() || id.string().empty()) {
    return bad_field("id", "id must be a non-empty string");
  }
  if (id.string().size() > limits::kRequestIdBytesMax) {
    return bad_field("id", "id is longer than 256 bytes")
        .with("limit", static_cast<int64_t>(limits::kRequestIdBytesMax));
  }
  if (!op.is_string() || op.string().empty()) {
    return bad_field("op", "op must be the name of an operation");
  }
  if (params && !params.is_null() && !params.is_object()) {
    return bad_field("params", "params must be an object");
  }
  return Request{id.string(), op.string(), params.is_object() ? params : json::Value()};
}

ResponseWriter::ResponseWriter(std::string& out, Dialect dialect)
    : out_(out), dialect_(dialect), start_(out.size()), writer_(out) {}

json::Writer& ResponseWriter::open(std::string_view id) {
  start_ = begin_frame(out_, dialect_);
  // The writer begins behind the opening of the result, and closes both objects.
  out_.append(R"({"type":"response","id":)");
  json::append_string(out_, id);
  out_.append(R"(,"status":"ok","result":{)");
  return writer_;
}

void ResponseWriter::close() {
  writer_.close_object().close_object();
  end_frame(out_, dialect_, start_);
}

void ResponseWriter::discard() { out_.resize(start_); }

void ResponseWriter::error(std::string_view id, const Error& error) {
  start_ = begin_frame(out_, dialect_);
  json::Writer writer(out_);
  writer.open_object()
      .member("type", "response")
      .member("id", id)
      .member("status", "error")
      .key("error")
      .open_object();
  write_error_members(writer, error);
  writer.close_object().close_object();
  end_frame(out_, dialect_, start_);
}

void begin_event(std::string& out) { out.append(R"({"type":"event")"); }

void append_event(std::string& out, Dialect dialect, const SharedEvent& shared,
                  std::string_view kind, std::string_view subscription_id) {
  const EventEnd own(kind, subscription_id);
  append_frame(out, dialect, shared.text, shared.crc, own.text());
}

void append_event_text(std::string& out, std::string_view shared, std::string_view kind,
                       std::string_view subscription_id) {
  out.append(shared).append(EventEnd(kind, subscription_id).text());
}

void write_error_members(json::Writer& writer, const Error& error) {
  writer.member("code", code_name(error.code()))
      .member("message", std::string_view(error.message()))
      .member("retryable", code_retryable(error.code()));
  write_error_details(writer, error);
}

void write_error_details(json::Writer& writer, const Error& error) {
  if (error.details().empty()) return;
  writer.key("details").open_object();
  for (const Error::Detail& detail : error.details()) {
    if (const auto* number = std::get_if<int64_t>(&detail.value)) {
      writer.member(detail.key, *number);
    } else {
      writer.member(detail.key, std::string_view(std::get<std::string>(detail.value)));
    }
  }
  writer.close_object();
}

}  // namespace rstmdb::wire
