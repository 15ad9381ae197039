#include "http/response.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <iterator>

#include "json/writer.h"

namespace rstmdb::http {

namespace {

struct Words {
  int status;
  std::string_view text;
};

constexpr Words kWords[] = {
    {200, "OK"},
    {201, "Created"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

}  // namespace

std::string_view status_words(int status) {
  const auto* found = std::ranges::find(kWords, status, &Words::status);
  return found == std::end(kWords) ? "Unknown" : found->text;
}

Response& Response::with(std::string_view name, std::string_view value) {
  fields.append(name).append(": ").append(value).append("\r\n");
  return *this;
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
                     std::string_view date, Extent extent) {
  const auto add = [&out](auto... texts) { (out.append(texts), ...); };
  add(std::string_view("HTTP/1.1 "), std::to_string(response.status), std::string_view(" "),
      status_words(response.status), std::string_view("\r\nDate: "), date);
  if (!response.content_type.empty())
    add(std::string_view("\r\nContent-Type: "), response.content_type);
  if (extent == Extent::kChunks)
    add(std::string_view("\r\nTransfer-Encoding: chunked"));
  else if (response.status != 304)
    add(std::string_view("\r\nContent-Length: "), std::to_string(response.body.size()));
  if (after == After::kClose) out.append("\r\nConnection: close");
  if (after == After::kKeepAloud) out.append("\r\nConnection: keep-alive");
  add(std::string_view("\r\nCache-Control: "), response.cache_control,
      std::string_view("\r\nX-Content-Type-Options: nosniff\r\n"));
  out.append(response.fields).append("\r\n");
  if (body == Body::kWithBody && extent == Extent::kWhole) out.append(response.body);
}

void append_chunk(std::string& out, std::string_view bytes) {
  std::array<char, 16> size;
  const auto end = std::to_chars(size.data(), size.data() + size.size(), bytes.size(), 16).ptr;
  out.append(size.data(), end).append("\r\n").append(bytes).append("\r\n");
}

std::string_view DateLine::at(int64_t unix_ms) {
  const int64_t second = unix_ms / 1000;
  if (second != second_) {
    second_ = second;
    text_ = date_text(unix_ms);
  }
  return text_;
}

}  // namespace rstmdb::http
