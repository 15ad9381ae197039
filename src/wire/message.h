// Messages: requests read from a frame's JSON, answers written into one.
//
//   {"type":"request","id":"7","op":"PING","params":{…}}
//   {"type":"response","id":"7","status":"ok","result":{…}}
//   {"type":"response","id":"7","status":"error",
//    "error":{"code":…,"message":…,"retryable":…,"details":{…}}}
//   {"type":"event", …,"subscription_id":"…"}     unasked, to a connection that watches
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/document.h"
#include "json/writer.h"
#include "wire/frame.h"

namespace rstmdb::wire {

/// Views into the Document that it was read from.
struct Request {
  std::string_view id;
  std::string_view op;
  json::Value params;  // an object, or absent
};

/// The id of a message that may be no valid request, for the answer that refuses it; "" when there
/// is none that could be echoed (missing, no string, over limits::kRequestIdBytesMax).
std::string_view readable_id(json::Value message);

/// Refuses with kBadRequest and detail path ("type", "id", "op" or "params"). Unknown members are
/// ignored.
Result<Request> read_request(json::Value message);

/// Writes one answer as a frame at the end of `out`. Usage for a success:
///   ResponseWriter response(out, dialect);
///   response.open(id).member("pong", true);
///   response.close();
class ResponseWriter {
 public:
  ResponseWriter(std::string& out, Dialect dialect);

  /// Starts a success; the members written to the returned writer are the result's.
  json::Writer& open(std::string_view id);
  /// Ends the success and its frame.
  void close();
  /// Drops what open() and the members have written, as if nothing had been begun.
  void discard();
  /// Writes a whole error answer.
  void error(std::string_view id, const Error& error);

  /// Payload bytes written so far: what must stay within the frame limit.
  size_t size() const { return out_.size() - start_; }

 private:
  std::string& out_;
  Dialect dialect_;
  size_t start_;
  json::Writer writer_;
};

/// The part of a notification that all who are told have in common. It is the payload's front, so
/// that the text and its sum are made once, and what differs is put behind it for each receiver.
struct SharedEvent {
  std::string_view text;  // begun by begin_event(), then members; the object is left open
  uint32_t crc = 0;       // crc32c(text)
};

/// Appends the start of a notification; the members that follow each begin with a comma.
void begin_event(std::string& out);
/// Appends a notification as a frame. `kind` is left out when empty. Neither it nor the id is
/// escaped: both are names of our own.
void append_event(std::string& out, Dialect dialect, const SharedEvent& shared,
                  std::string_view kind, std::string_view subscription_id);
/// Appends only what append_event() puts into the frame: the notification as one JSON object.
void append_event_text(std::string& out, std::string_view shared, std::string_view kind,
                       std::string_view subscription_id);
/// The most that append_event() adds to the text: header, kind, and an id of up to 32 bytes.
inline constexpr size_t kEventOwnBytesMax = 96;

/// Writes `error` as the members code, message, retryable, details of an open object.
void write_error_members(json::Writer& writer, const Error& error);
/// The last of them alone; nothing when the error has none.
void write_error_details(json::Writer& writer, const Error& error);

}  // namespace rstmdb::wire
