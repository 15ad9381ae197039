#include "http/body.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"

namespace rstmdb::http {
namespace {

/// A large body's memory is not kept for the next one.
constexpr size_t kBytesKept = 64 * 1024;
constexpr Refusal kTooLong{413, "the body is longer than allowed"};
constexpr Refusal kNoChunk{400, "the body's chunks cannot be read"};
constexpr std::string_view kLineEnd = "\r\n";

}  // namespace

void BodyReader::begin_none() {
  drop();
  place_ = Place::kDone;
}

std::expected<void, Refusal> BodyReader::begin_sized(uint64_t bytes, size_t bytes_max) {
  drop();
  if (bytes > bytes_max) return std::unexpected(kTooLong);
  chunks_ = false;
  left_ = bytes;
  place_ = bytes == 0 ? Place::kDone : Place::kData;
  return {};
}

void BodyReader::begin_chunks(size_t bytes_max) {
  drop();
  chunks_ = true;
  bytes_max_ = bytes_max;
  place_ = Place::kSize;
}

std::expected<size_t, Refusal> BodyReader::take(std::string_view input) {
  size_t taken = 0;
  while (place_ != Place::kDone) {
    const std::string_view rest = input.substr(taken);
    std::expected<size_t, Refusal> step = 0;
    switch (place_) {
      case Place::kSize:
        step = take_size(rest);
        break;
      case Place::kData:
        step = take_data(rest);
        break;
      case Place::kDataEnd:
        step = take_line_end(rest, Place::kSize);
        break;
      case Place::kEnd:
        step = take_line_end(rest, Place::kDone);
        break;
      case Place::kDone:
        break;
    }
    if (!step || *step == 0) return step ? taken : step;
    taken += *step;
  }
  return taken;
}

/// A line with nothing but hex digits.
std::expected<size_t, Refusal> BodyReader::take_size(std::string_view input) {
  const size_t end = input.substr(0, limits::kHttpChunkLineBytesMax).find(kLineEnd);
  if (end == std::string_view::npos) {
    if (input.size() >= limits::kHttpChunkLineBytesMax) return std::unexpected(kNoChunk);
    // Whatever is no digit can be refused before the line's end is there.
    input = input.substr(0, input.find_last_not_of('\r') + 1);
  }
  const std::string_view line = input.substr(0, end);
  const auto [last, fault] = std::from_chars(line.data(), line.data() + line.size(), left_, 16);
  const bool whole = end != std::string_view::npos;
  if (!whole && line.empty()) return 0;
  // from_chars takes a minus sign.
  const bool number = fault == std::errc() && last == line.data() + line.size() && line[0] != '-';
  if (line.empty() || !number) return std::unexpected(kNoChunk);
  if (!whole) return 0;
  if (left_ > bytes_max_ - bytes_.size()) return std::unexpected(kTooLong);
  place_ = left_ == 0 ? Place::kEnd : Place::kData;
  return end + kLineEnd.size();
}

size_t BodyReader::take_data(std::string_view input) {
  const auto size = static_cast<size_t>(std::min<uint64_t>(left_, input.size()));
  bytes_.append(input.substr(0, size));
  left_ -= size;
  if (left_ == 0) place_ = chunks_ ? Place::kDataEnd : Place::kDone;
  return size;
}

std::expected<size_t, Refusal> BodyReader::take_line_end(std::string_view input, Place next) {
  const std::string_view front = input.substr(0, kLineEnd.size());
  if (!kLineEnd.starts_with(front)) return std::unexpected(kNoChunk);
  if (front.size() < kLineEnd.size()) return 0;
  place_ = next;
  return kLineEnd.size();
}

void BodyReader::drop() {
  bytes_.clear();
  if (bytes_.capacity() > kBytesKept) std::string().swap(bytes_);
}

}  // namespace rstmdb::http
