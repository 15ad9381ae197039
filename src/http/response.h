// Answers of the HTTP door, written out as bytes.
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
  std::string_view allow = {};  // of a 405: the methods that there are
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

void append_response(std::string& out, const Response& response, Body body, After after,
                     int64_t now_unix_ms);

}  // namespace rstmdb::http
