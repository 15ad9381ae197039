#include "http/response.h"

#include <array>
#include <chrono>
#include <cstdio>

#include "json/writer.h"

namespace rstmdb::http {

std::string_view status_words(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
  }
  return "Unknown";
}

Response refusal(int status, std::string_view reason) {
  Response response{.status = status};
  json::Writer(response.body)
      .open_object()
      .member("error", reason.empty() ? status_words(status) : reason)
      .close_object();
  response.body += '\n';
  return response;
}

std::string date_text(int64_t unix_ms) {
  using namespace std::chrono;
  static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_time<milliseconds> now{milliseconds(unix_ms)};
  const sys_days day = floor<days>(now);
  const year_month_day date(day);
  const hh_mm_ss time(floor<seconds>(now - day));
  std::array<char, 64> text;
  const int size = std::snprintf(
      text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d GMT",
      kDays[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
      kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
      static_cast<int>(time.seconds().count()));
  return std::string(text.data(), static_cast<size_t>(size));
}

void append_response(std::string& out, const Response& response, Body body, After after,
                     int64_t now_unix_ms) {
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(status_words(response.status)).append("\r\nDate: ");
  out.append(date_text(now_unix_ms)).append("\r\nContent-Type: ");
  out.append(response.content_type).append("\r\nContent-Length: ");
  out.append(std::to_string(response.body.size()));
  if (!response.allow.empty()) out.append("\r\nAllow: ").append(response.allow);
  if (after == After::kClose) out.append("\r\nConnection: close");
  if (after == After::kKeepAloud) out.append("\r\nConnection: keep-alive");
  out.append("\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n\r\n");
  if (body == Body::kWithBody) out.append(response.body);
}

}  // namespace rstmdb::http
