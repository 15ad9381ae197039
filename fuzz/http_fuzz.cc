// Any bytes at the HTTP door, read once in one piece and once in pieces. What must hold: both
// readings come to the same end; a request lies inside the input, names a path and is not longer
// than a head may be; a refusal has a status that the door knows; nothing is taken that has a bare
// line end, a folded field, or a length other than zero.
//
// Input: one byte that seeds the cuts, then the stream.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "http/request.h"
#include "http/response.h"

namespace rstmdb::http {
namespace {

using Outcome = std::expected<std::optional<Request>, Refusal>;

std::string text_of(const Outcome& outcome) {
  if (!outcome) {
    RSTMDB_CHECK(status_words(outcome.error().status) != "Unknown", "a status without words");
    return std::to_string(outcome.error().status) + " " + std::string(outcome.error().reason);
  }
  if (!*outcome) return "not whole";
  const Request& request = **outcome;
  return request.method + " " + request.path + " " + std::to_string(request.size) +
         (request.keep_alive ? " keep" : "") + (request.http_1_0 ? " 1.0" : "");
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

void check(const Request& request, std::string_view input) {
  RSTMDB_CHECK(request.size <= input.size(), "longer than the input");
  RSTMDB_CHECK(request.size <= limits::kHttpHeadBytesMax, "longer than allowed");
  RSTMDB_CHECK(request.path.starts_with('/') && !request.path.contains('?'), request.path);
  RSTMDB_CHECK(!request.method.empty(), "no method");
  const std::string head = lower(input.substr(0, request.size));
  RSTMDB_CHECK(head.ends_with("\r\n\r\n"), "no end");
  RSTMDB_CHECK(!head.contains("\r\n ") && !head.contains("\r\n\t"), "a folded field");
  RSTMDB_CHECK(!head.contains("\r\ntransfer-encoding:"), "an encoding");
  RSTMDB_CHECK(std::ranges::count(head, '\n') == std::ranges::count(head, '\r'), "a bare line end");
}

Outcome read_in_pieces(std::string_view input, uint32_t seed) {
  RequestReader reader;
  Outcome outcome = std::optional<Request>();
  size_t size = 0;
  while (outcome && !*outcome && size < input.size()) {
    seed = seed * 1'664'525 + 1'013'904'223;
    size = std::min(input.size(), size + 1 + (seed >> 24) % 40);
    outcome = reader.next(input.substr(0, size));
  }
  return outcome;
}

}  // namespace
}  // namespace rstmdb::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb::http;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  RequestReader reader;
  const Outcome whole = reader.next(input);
  if (whole && *whole) check(**whole, input);
  // In pieces, a fault later in the input is seen later; what is cut from the front is the same.
  const Outcome pieces = read_in_pieces(input, bytes[0]);
  const bool both = whole && *whole && pieces && *pieces;
  if (both)
    RSTMDB_CHECK(text_of(whole) == text_of(pieces), text_of(whole) + " / " + text_of(pieces));
  RSTMDB_CHECK((whole && *whole) == (pieces && *pieces), text_of(whole) + " / " + text_of(pieces));
  RSTMDB_CHECK(whole.has_value() == pieces.has_value(), text_of(whole) + " / " + text_of(pieces));
  return 0;
}
