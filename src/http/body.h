// The body of one request, taken from the input behind its head: so many bytes, or chunks.
//
//   chunk = size CRLF data CRLF     the last one: 0 CRLF CRLF
//
// Chunks are taken in their plain form only: extensions and trailers mean nothing to us, but might
// to a program in front of us.
//
// Heads are read by Beast, bodies are not. Its reader of chunks (1.81, Debian 12) aborts the
// process when a body without data, `0 CRLF CRLF`, comes in pieces:
// basic_parser::parse_chunk_header asserts that the rest of a last chunk is five bytes or more.
// Besides, it takes extensions, also with a bare LF in quotes; it puts trailers among the head's
// fields, where a second Host is then found; it takes a size with any number of zeros in front; and
// string_body sets aside what a length announces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace rstmdb::http {

/// Why the stream cannot be trusted any more: the answer's status, and a sentence for a person.
struct Refusal {
  int status = 400;
  std::string_view reason;
};

class BodyReader {
 public:
  /// No body.
  void begin_none();
  /// `bytes` of them; 413 when they are more than `bytes_max`.
  std::expected<void, Refusal> begin_sized(uint64_t bytes, size_t bytes_max);
  void begin_chunks(size_t bytes_max);

  /// Takes what it can from the front of `input` and says how many bytes that were; the next call
  /// goes on behind them. What is left is the beginning of a line.
  std::expected<size_t, Refusal> take(std::string_view input);
  bool done() const { return place_ == Place::kDone; }

  /// What has come; valid until drop().
  std::string_view bytes() const { return bytes_; }
  /// Gives the memory of a large body back.
  void drop();

 private:
  enum class Place : uint8_t { kSize, kData, kDataEnd, kEnd, kDone };
  std::expected<size_t, Refusal> take_size(std::string_view input);
  std::expected<size_t, Refusal> take_line_end(std::string_view input, Place next);
  size_t take_data(std::string_view input);

  Place place_ = Place::kDone;
  bool chunks_ = false;
  uint64_t left_ = 0;  // of the chunk, or of the body
  size_t bytes_max_ = 0;
  std::string bytes_;
};

}  // namespace rstmdb::http
