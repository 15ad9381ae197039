// Answers, written out as bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rstmdb::http {

inline constexpr std::string_view kJson = "application/json";
/// The text format of metrics that every scraper of this family reads.
inline constexpr std::string_view kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

struct Response {
  int status = 200;
  std::string_view content_type = kJson;
  std::string body = {};
  std::string fields = {};  // more of them, each "Name: value\r\n"
  std::string_view cache_control = "no-store";

  /// Adds a field. `value` has been made by us: it holds no line end.
  Response& with(std::string_view name, std::string_view value);
};

/// {"error":"…"} with the status' own words when `reason` is empty.
Response refusal(int status, std::string_view reason = {});

/// "Not Found"
std::string_view status_words(int status);

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::string date_text(int64_t unix_ms);

/// How the answer leaves: kHeadOnly says the body's length without the body.
enum class Body { kWithBody, kHeadOnly };
/// kKeep stays silent, as HTTP/1.1 does; kKeepAloud says so, as a client of HTTP/1.0 needs it.
enum class After { kClose, kKeep, kKeepAloud };
/// How far the body goes: to its own end, or on and on, in chunks that follow.
enum class Extent { kWhole, kChunks };

/// `date` as of date_text(). With kChunks the response's own body is left out.
void append_response(std::string& out, const Response& response, Body body, After after,
                     std::string_view date, Extent extent = Extent::kWhole);

/// Appends one chunk of a body that goes on; `bytes` is not empty.
void append_chunk(std::string& out, std::string_view bytes);
/// What ends such a body.
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

/// The date of now, made anew once a second.
class DateLine {
 public:
  std::string_view at(int64_t unix_ms);

 private:
  int64_t second_ = -1;
  std::string text_;
};

}  // namespace rstmdb::http
