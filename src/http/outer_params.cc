#include "http/outer_params.h"

#include <algorithm>
#include <array>
#include <boost/locale/utf.hpp>
#include <optional>
#include <vector>

#include "api/params.h"
#include "json/writer.h"

namespace rstmdb::http {
namespace {

using api::ParamRow;
using api::ParamType;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus : uint8_t { kIsPlus, kIsSpace };

/// Percent signs taken away, once; nothing when one has no two digits behind it.
std::optional<std::string> decoded(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus == Plus::kIsSpace) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

bool is_utf8(std::string_view text) {
  namespace utf = boost::locale::utf;
  if (std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    return true;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    const utf::code_point point = utf::utf_traits<char>::decode(at, end);
    if (point == utf::illegal || point == utf::incomplete) return false;
  }
  return true;
}

Error no_encoding() {
  return Error(Code::kBadRequest, "a percent sign of the target has no two hex digits behind it");
}

Error refused(std::string_view param, std::string_view what) {
  return Error(Code::kBadRequest, std::string(param) + " " + std::string(what)).with("path", param);
}

/// A number as JSON has it: what it is not stays text.
bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit) &&
         (text.size() == 1 || text.front() != '0');
}

class Writing {
 public:
  Writing(std::string& out, const RouteRow& route) : writer_(out), operation_(operation_of(route)) {
    writer_.open_object();
  }
  const ParamRow& row(size_t param) const { return operation_.params[param]; }

  Result<void> add(size_t param, std::string_view text) {
    const ParamRow& row = operation_.params[param];
    RSTMDB_TRY(begin(param));
    if (!is_utf8(text)) return refused(row.name, "must be valid UTF-8");
    writer_.key(row.name);
    const bool numeric = row.type == ParamType::kInteger || row.type == ParamType::kOffset;
    const bool plain = (numeric && is_number(text)) ||
                       (row.type == ParamType::kBoolean && (text == "true" || text == "false"));
    if (plain) {
      writer_.value(json::RawJson{text});
    } else {
      writer_.value(text);
    }
    return {};
  }

  Result<void> add_names(size_t param, const std::vector<std::string>& names) {
    RSTMDB_TRY(begin(param));
    writer_.key(row(param).name).open_array();
    for (const std::string& name : names) {
      if (!is_utf8(name)) return refused(row(param).name, "must be valid UTF-8");
      writer_.value(std::string_view(name));
    }
    writer_.close_array();
    return {};
  }

  void add_json(size_t param, std::string_view json) {
    writer_.key(row(param).name).value(json::RawJson{json});
  }

  void end() { writer_.close_object(); }

 private:
  Result<void> begin(size_t param) {
    if (given_[param]) return refused(row(param).name, "is given twice");
    given_[param] = true;
    return {};
  }

  json::Writer writer_;
  const api::OperationRow& operation_;
  std::array<bool, api::Params::kParamsMax> given_ = {};
};

Result<void> add_path(Writing& writing, const Found& found) {
  for (size_t i = 0; i < found.route->segments.size(); ++i) {
    const uint8_t param = found.route->segments[i].param;
    if (param == kNoParam) continue;
    const auto value = decoded(found.segments[i], Plus::kIsPlus);
    if (!value) return no_encoding();
    RSTMDB_TRY(writing.add(param, *value));
  }
  return {};
}

/// "812" of `"812"`, or of 812.
std::optional<std::string_view> offset_of_tag(std::string_view tag) {
  if (tag.size() >= 2 && tag.front() == '"' && tag.back() == '"')
    tag = tag.substr(1, tag.size() - 2);
  if (tag.empty() || !std::ranges::all_of(tag, is_digit)) return std::nullopt;
  return tag;
}

Result<void> add_headers(Writing& writing, const RouteRow& route, const Request& request) {
  for (const HeaderParam& place : route.headers) {
    switch (place.header) {
      case Header::kIdempotencyKey:
        if (request.idempotency_key) RSTMDB_TRY(writing.add(place.param, *request.idempotency_key));
        break;
      case Header::kIfMatch: {
        if (!request.if_match) break;
        const auto offset = offset_of_tag(*request.if_match);
        if (!offset)
          return Error(Code::kBadRequest,
                       "If-Match takes one strong tag, the offset as an ETag has shown it");
        RSTMDB_TRY(writing.add(place.param, *offset));
        break;
      }
      case Header::kLastEventId:
        if (request.last_event_id && !request.last_event_id->empty())
          RSTMDB_TRY(writing.add(place.param, *request.last_event_id));
        break;
    }
  }
  return {};
}

/// Where the stream goes on says Last-Event-ID; the address, which does not change when the client
/// connects again, said where it began.
bool is_outdated(const RouteRow& route, const Request& request, std::string_view param) {
  const bool resumes =
      route.streams == Streams::kYes && request.last_event_id && !request.last_event_id->empty();
  return resumes && (param == "from_offset" || param == "after_offset");
}

class Query {
 public:
  Query(Writing& writing, const RouteRow& route, const Request& request)
      : writing_(writing), route_(route), request_(request) {}

  Result<void> add_all() {
    std::string_view rest = request_.query;
    while (!rest.empty()) {
      const size_t end = rest.find('&');
      const std::string_view pair = rest.substr(0, end);
      rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
      if (!pair.empty()) RSTMDB_TRY(add(pair));
    }
    for (size_t i = 0; i < names_.size(); ++i) {
      if (!names_[i].empty()) RSTMDB_TRY(writing_.add_names(i, names_[i]));
    }
    return {};
  }

 private:
  Result<void> add(std::string_view pair) {
    const size_t equals = pair.find('=');
    const auto name = decoded(pair.substr(0, equals), Plus::kIsSpace);
    if (!name) return no_encoding();
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    const auto place = std::ranges::find_if(
        route_.query, [&](uint8_t param) { return writing_.row(param).name == *name; });
    if (place == route_.query.end())
      return refused(is_utf8(*name) ? *name : "query", "is no parameter of this address");
    if (is_outdated(route_, request_, *name)) return {};
    if (writing_.row(*place).type == ParamType::kNames) return split_names(*place, value);
    const auto text = decoded(value, Plus::kIsSpace);
    if (!text) return no_encoding();
    return writing_.add(*place, *text);
  }

  /// A comma that belongs to a name has come as %2C.
  Result<void> split_names(size_t param, std::string_view value) {
    while (true) {
      const size_t comma = value.find(',');
      const auto name = decoded(value.substr(0, comma), Plus::kIsSpace);
      if (!name) return no_encoding();
      names_[param].push_back(*name);
      if (comma == std::string_view::npos) return {};
      value = value.substr(comma + 1);
    }
  }

  Writing& writing_;
  const RouteRow& route_;
  const Request& request_;
  std::array<std::vector<std::string>, api::Params::kParamsMax> names_;
};

}  // namespace

bool has_outer_params(const RouteRow& route) {
  return std::ranges::any_of(route.segments,
                             [](const Segment& segment) { return segment.param != kNoParam; }) ||
         !route.query.empty() || !route.headers.empty();
}

Result<void> check_wishes(const RouteRow& route, const Request& request) {
  if (route.method == Method::kGet) return {};
  const auto takes = [&route](Header header) {
    return std::ranges::find(route.headers, header, &HeaderParam::header) != route.headers.end();
  };
  if (request.if_match && !takes(Header::kIfMatch))
    return Error(Code::kBadRequest, "If-Match is not looked at here, so nothing has been done");
  if (request.idempotency_key && !takes(Header::kIdempotencyKey))
    return Error(Code::kBadRequest,
                 "Idempotency-Key is not looked at here, so nothing has been done");
  return {};
}

Result<void> write_outer_params(std::string& out, const Found& found, const Request& request,
                                std::string_view body) {
  const RouteRow& route = *found.route;
  Writing writing(out, route);
  RSTMDB_TRY(add_path(writing, found));
  RSTMDB_TRY(add_headers(writing, route, request));
  if (!request.query.empty()) RSTMDB_TRY(Query(writing, route, request).add_all());
  if (route.body == BodyKind::kOne) writing.add_json(route.body_param, body);
  writing.end();
  return {};
}

void append_percent_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter || is_digit(c) || std::string_view("-._~").contains(c)) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
}

}  // namespace rstmdb::http
