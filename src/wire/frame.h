// Frames: how messages are cut out of a byte stream, in the three dialects of the protocol.
//
//   RCPX   "RCPX" version:u16 flags:u16 header_len:u16 payload_len:u32 crc32c:u32   (18 bytes)
//   RCP1   "RCP1"             flags:u16 header_len:u16 payload_len:u32 crc32c:u32   (16 bytes)
//          then header_len bytes of extension (skipped), then the payload; integers big-endian
//   jsonl  one JSON object a line, ended by "\n"
//
// The first bytes of a connection choose its dialect for both directions. The crc covers the
// payload alone. It is checked where CRC_PRESENT is set and filled in every frame we send, because
// the clients of the RCP1 form check it without looking at the flag.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace rstmdb::wire {

enum class Dialect : uint8_t { kRcpx, kRcp1, kJsonl };

inline constexpr uint16_t kProtocolVersion = 1;
inline constexpr uint16_t kFlagCrcPresent = 1;
inline constexpr uint16_t kFlagCompressed = 2;  // reserved: refused
inline constexpr uint16_t kFlagStream = 4;
inline constexpr uint16_t kFlagEndStream = 8;
inline constexpr size_t kHeaderBytesMax = 18;

/// Size of the dialect's frame header; 0 for jsonl.
size_t header_size(Dialect dialect);

struct Frame {
  /// A view into the bytes given to FrameReader::next. In jsonl, empty means blank lines: no
  /// message.
  std::string_view payload;
  size_t size = 0;  // bytes of the whole frame, to be dropped from the front of the input
};

/// Cuts frames from the front of a connection's input. Holds no bytes: the caller keeps them until
/// a whole frame is there.
class FrameReader {
 public:
  /// A reader that finds the dialect out from the first bytes.
  explicit FrameReader(size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}
  /// A reader for a known dialect (clients; a connection after HELLO has switched it).
  FrameReader(Dialect dialect, size_t payload_bytes_max)
      : dialect_(dialect), payload_bytes_max_(payload_bytes_max) {}

  /// The next whole frame, or nullopt when more bytes are needed. `input` starts where the previous
  /// frame ended. An error means that the stream cannot be trusted any more: answer it with id ""
  /// and close.
  ///   kUnsupportedProtocol  magic, version or flags (details field, value)
  ///   kBadRequest           length over the bound, or crc (details field, …)
  /// The payload length is checked before anything waits for it, so an announced length costs no
  /// memory.
  Result<std::optional<Frame>> next(std::string_view input);

  /// Size of the frame at the front of `input` if all of it is there and next() would not refuse
  /// its header; else 0. Its payload is not looked at. Not for jsonl.
  size_t whole_frame_size(std::string_view input) const;

  /// The dialect, once the first bytes have shown it.
  std::optional<Dialect> dialect() const { return dialect_; }
  void switch_to(Dialect dialect) { dialect_ = dialect; }
  void set_payload_bytes_max(size_t bytes) { payload_bytes_max_ = bytes; }

  /// Size of the whole frame at the front of the input, once its header has been seen; else 0. What
  /// the caller's buffer must be able to hold.
  size_t frame_size_hint() const { return frame_size_hint_; }

 private:
  Result<std::optional<Frame>> next_binary(std::string_view input);
  Result<std::optional<Frame>> next_line(std::string_view input);

  std::optional<Dialect> dialect_;
  size_t payload_bytes_max_;
  // Bytes of the input already known to be white space (no dialect yet) or to hold no line end
  // behind the white space at their front (jsonl): what comes in pieces is looked at once.
  size_t scanned_ = 0;
  size_t frame_size_hint_ = 0;
};

/// Appends the space of a frame header and returns where the frame starts; the payload is appended
/// next.
size_t begin_frame(std::string& out, Dialect dialect);
/// Fills in length and crc (or the line end) of the frame that starts at `start` and ends with
/// `out`.
void end_frame(std::string& out, Dialect dialect, size_t start);

/// Appends a whole frame. Its payload is `shared`, whose crc32c is `shared_crc`, and `own` behind
/// it: what many frames have in common is summed up once.
void append_frame(std::string& out, Dialect dialect, std::string_view shared, uint32_t shared_crc,
                  std::string_view own);

}  // namespace rstmdb::wire
