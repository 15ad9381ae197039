"""The server's route table, from protocol/http.json and protocol/errors.json."""

import json

import contract

HEAD = """\
// Made by tools/generate from protocol/http.json and protocol/errors.json: where HTTP has the
// operations, and what its statuses are. Change the contract, never this file.
#include <cstdint>
#include <span>
#include <string_view>

#include "api/operation.h"

namespace rstmdb::http {

enum class Method : uint8_t { kGet, kPost, kPut, kDelete };
enum class BodyKind : uint8_t {
  kNone,    // the route takes no body
  kParams,  // an object with parameters by name; no body counts as an empty object
  kOne,     // the body is the value of `body_param`
};
enum class Header : uint8_t { kIdempotencyKey, kIfMatch, kLastEventId };
enum class Streams : uint8_t { kNo, kYes };  // kYes: answered by server-sent events

// Parameters are indices into the `params` of the route's operation.
inline constexpr uint8_t kNoParam = 255;

struct Segment {
  std::string_view text;   // fixed, or empty when the segment is a parameter
  uint8_t param;           // kNoParam when it is fixed
};
struct HeaderParam {
  Header header;
  uint8_t param;
};
struct RouteRow {
  Method method;
  std::string_view pattern;            // "/v1/instances/{instance_id}"
  std::span<const Segment> segments;   // without the prefix
  api::Operation operation;
  BodyKind body;
  uint8_t body_param;                  // of BodyKind::kOne
  std::span<const uint8_t> query;      // parameters under their own names
  std::span<const HeaderParam> headers;
  uint16_t success;
  std::string_view created_by;         // the result's boolean that makes the status 201, or empty
  std::string_view etag;               // the result's member, or empty
  std::string_view location_prefix;    // Location is this and, percent-encoded, the member
  std::string_view location_member;    // empty: there is no Location
  Streams streams;
};

"""
STATUS_HEAD = """\

/// What an error code is in HTTP. A code may have other statuses in special cases, which
/// docs/errors.md names.
struct CodeRow {
  uint16_t status;
  std::string_view title;  // the code in words
};
"""
HEADERS = {"Idempotency-Key": "kIdempotencyKey", "If-Match": "kIfMatch",
           "Last-Event-ID": "kLastEventId"}


def title(code):
    """WAL_IO_ERROR -> WAL IO error"""
    words = [word if word in ("WAL", "IO") else word.lower() for word in code.split("_")]
    return " ".join([words[0] if words[0].isupper() else words[0].capitalize(), *words[1:]])


def quoted(text):
    return json.dumps(text)


def _span(kind, name, entries):
    """(line that declares the array or None, what names it)"""
    if not entries:
        return [], f"std::span<const {kind}>{{}}"
    return [f"inline constexpr {kind} {name}[] = {{{', '.join(entries)}}};"], name


def _route(number, route):
    names = [param["name"] for param in route.operation["params"]]
    stem = f"kRoute{number}"
    segments = [f'{{"", {names.index(param)}}}' if param else f"{{{quoted(text)}, kNoParam}}"
                for text, param in route.segments[1:]]
    parts = [_span("Segment", stem + "Segments", segments),
             _span("uint8_t", stem + "Query", [str(names.index(param["name"]))
                                               for param in route.in_query]),
             _span("HeaderParam", stem + "Headers",
                   [f"{{Header::{HEADERS[header]}, {names.index(param['name'])}}}"
                    for header, param in route.in_header.items()])]
    body = {"none": "kNone", "params": "kParams", "one": "kOne"}[route.body]
    one = names.index(route.body_params[0]["name"]) if route.body == "one" else "kNoParam"
    prefix, member = route.location
    row = [f"Method::k{route.method.capitalize()}", quoted(route.path), parts[0][1],
           f"api::Operation::k{contract.pascal(route.operation['op'])}", f"BodyKind::{body}",
           str(one), parts[1][1], parts[2][1], str(route.success), quoted(route.created_by),
           quoted(route.etag), quoted(prefix), quoted(member),
           f"Streams::{'kYes' if route.stream else 'kNo'}"]
    return [line for lines, _ in parts for line in lines], f"    {{{', '.join(row)}}},"


def make(routes, errors):
    parts = [_route(number, route) for number, route in enumerate(routes)]
    codes = [f"    {{{row['http'][0]['status']}, {quoted(title(row['code']))}}},"
             for row in errors]
    prefix = "/" + routes[0].segments[0][0]
    return "\n".join([
        HEAD.rstrip("\n"), "",
        f"inline constexpr std::string_view kPrefix = {quoted(prefix)};  // may be left out", "",
        *[line for lines, _ in parts for line in lines], "",
        "inline constexpr RouteRow kRoutes[] = {", *[row for _, row in parts], "};",
        STATUS_HEAD,
        "// In the order of Code.",
        "inline constexpr CodeRow kCodes[] = {", *codes, "};", "",
        "}  // namespace rstmdb::http"]) + "\n"
