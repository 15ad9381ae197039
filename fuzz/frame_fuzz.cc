// Any bytes as the stream of a connection, read once in one piece and once in pieces. What must
// hold: both readings give the same payloads and end the same way; every frame lies inside the
// input; a reader never asks for more room than its limit allows.
//
// Input: one byte that chooses the payload limit, one that seeds the cuts, then the stream.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "wire/frame.h"

namespace rstmdb::wire {
namespace {

constexpr std::array<size_t, 4> kPayloadLimits = {16, 60, 1'000, 64 * 1024};

struct Reading {
  std::vector<std::string> payloads;
  std::string error;  // code and field; "" when the stream only ended
  std::optional<Dialect> dialect;
};

/// Takes all frames that are whole from the front of `input`; gives how many bytes that were.
size_t take_frames(FrameReader& reader, std::string_view input, size_t limit, Reading& reading) {
  size_t taken = 0;
  while (reading.error.empty()) {
    const std::string_view rest = input.substr(taken);
    const auto frame = reader.next(rest);
    RSTMDB_CHECK(reader.frame_size_hint() <= kHeaderBytesMax + 65535 + limit, "asks for more");
    if (!frame.ok()) {
      reading.error = std::string(code_name(frame.error().code())) + " " +
                      std::string(frame.error().detail("field"));
      RSTMDB_CHECK(!frame.error().detail("field").empty(), frame.error().to_string());
      break;
    }
    if (!*frame) break;
    const Frame& found = **frame;
    RSTMDB_CHECK(found.size > 0 && found.size <= rest.size(), "a frame of an impossible size");
    taken += found.size;
    if (reader.dialect() == Dialect::kJsonl && found.payload.empty()) continue;  // blank lines
    const size_t at = static_cast<size_t>(found.payload.data() - rest.data());
    RSTMDB_CHECK(at + found.payload.size() <= found.size, "a payload outside its frame");
    RSTMDB_CHECK(found.payload.size() <= limit, "a payload over the limit");
    reading.payloads.emplace_back(found.payload);
  }
  reading.dialect = reader.dialect();
  return taken;
}

Reading read_whole(std::string_view stream, size_t limit) {
  FrameReader reader(limit);
  Reading reading;
  take_frames(reader, stream, limit, reading);
  return reading;
}

/// The same with a buffer that gets a few bytes at a time, each time in memory of its own, so that
/// a look beyond the end is seen.
Reading read_in_pieces(std::string_view stream, size_t limit, uint32_t seed) {
  FrameReader reader(limit);
  Reading reading;
  std::vector<char> held;
  while (!stream.empty() && reading.error.empty()) {
    seed = seed * 1'664'525 + 1'013'904'223;
    const size_t piece = std::min<size_t>(stream.size(), 1 + (seed >> 24) % 23);
    std::vector<char> next(held);
    next.insert(next.end(), stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(piece));
    next.shrink_to_fit();
    stream.remove_prefix(piece);
    const size_t taken = take_frames(reader, {next.data(), next.size()}, limit, reading);
    next.erase(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(taken));
    held = std::move(next);
  }
  return reading;
}

void check_same(const Reading& whole, const Reading& pieces) {
  // Whether the blanks before a line count towards its limit depends on what has arrived with them,
  // so where that limit strikes is the one thing in which the two may differ.
  constexpr std::string_view kLongLine = "BAD_REQUEST line";
  if (whole.error == kLongLine || pieces.error == kLongLine) {
    const size_t both = std::min(whole.payloads.size(), pieces.payloads.size());
    RSTMDB_CHECK(std::equal(whole.payloads.begin(),
                            whole.payloads.begin() + static_cast<std::ptrdiff_t>(both),
                            pieces.payloads.begin()),
                 "another frame in pieces");
    return;
  }
  RSTMDB_CHECK(whole.payloads == pieces.payloads, "other frames in pieces");
  RSTMDB_CHECK(whole.error == pieces.error, whole.error + " / " + pieces.error);
  RSTMDB_CHECK(whole.dialect == pieces.dialect, "another dialect in pieces");
}

/// What has been read goes out as frames and comes back the same.
void check_written(const Reading& reading) {
  if (!reading.dialect) return;
  for (const std::string& payload : reading.payloads) {
    std::string out = "before";
    const size_t start = begin_frame(out, *reading.dialect);
    out += payload;
    end_frame(out, *reading.dialect, start);
    FrameReader reader(*reading.dialect, payload.size());
    const auto frame = reader.next(std::string_view(out).substr(start));
    RSTMDB_CHECK(frame.ok() && *frame && (*frame)->payload == payload, payload);
    RSTMDB_CHECK(start + (*frame)->size == out.size(), payload);
  }
}

}  // namespace
}  // namespace rstmdb::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb::wire;
  if (size < 2) return 0;
  const size_t limit = kPayloadLimits[bytes[0] % kPayloadLimits.size()];
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const Reading whole = read_whole(stream, limit);
  check_same(whole, read_in_pieces(stream, limit, bytes[1]));
  check_written(whole);
  return 0;
}
