#include "wire/frame.h"

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace rstmdb::wire {
namespace {

constexpr std::string_view kMagicRcpx = "RCPX";
constexpr std::string_view kMagicRcp1 = "RCP1";
constexpr size_t kMagicSize = 4;
constexpr std::string_view kSpace = " \t\r\n";
constexpr uint16_t kKnownFlags = kFlagCrcPresent | kFlagStream | kFlagEndStream;

std::string_view magic_of(Dialect dialect) {
  return dialect == Dialect::kRcpx ? kMagicRcpx : kMagicRcp1;
}

constexpr char kTlsHandshake = 0x16;

Error bad_magic(std::string_view start) {
  if (start.starts_with(kTlsHandshake))
    return Error(Code::kUnsupportedProtocol,
                 "the stream starts with TLS, and this server has TLS switched off")
        .with("field", "magic");
  return Error(Code::kUnsupportedProtocol,
               "the stream starts neither with RCPX, RCP1 nor a JSON object")
      .with("field", "magic");
}

/// Whether the first bytes name a dialect; nullopt while there are too few. The first `blank` of
/// them are known to be white space, and it is moved to the first one that is none, or to the end.
Result<std::optional<Dialect>> recognise(std::string_view input, size_t& blank) {
  blank = std::min(input.find_first_not_of(kSpace, blank), input.size());
  const bool only_space = blank == input.size();
  if (!only_space && input[blank] == '{') return std::optional(Dialect::kJsonl);
  const std::string_view start = input.substr(0, kMagicSize);
  if (start == kMagicRcpx) return std::optional(Dialect::kRcpx);
  if (start == kMagicRcp1) return std::optional(Dialect::kRcp1);
  // What is too short to tell the two apart begins both.
  static_assert(kMagicRcpx.substr(0, kMagicSize - 1) == kMagicRcp1.substr(0, kMagicSize - 1));
  if (kMagicRcpx.starts_with(start) || only_space) return std::optional<Dialect>();
  return bad_magic(start);
}

void store_header(char* at, Dialect dialect, size_t payload_size, uint32_t crc) {
  std::memcpy(at, magic_of(dialect).data(), kMagicSize);
  at += kMagicSize;
  if (dialect == Dialect::kRcpx) {
    store_be<uint16_t>(at, kProtocolVersion);
    at += 2;
  }
  store_be<uint16_t>(at, kFlagCrcPresent);
  store_be<uint16_t>(at + 2, 0);
  store_be<uint32_t>(at + 4, static_cast<uint32_t>(payload_size));
  store_be<uint32_t>(at + 8, crc);
}

struct Header {
  uint16_t version = kProtocolVersion;
  uint16_t flags = 0;
  uint16_t extension_size = 0;
  uint32_t payload_size = 0;
  uint32_t crc = 0;
};

Header read_header(const char* at, Dialect dialect) {
  Header header;
  at += kMagicSize;
  if (dialect == Dialect::kRcpx) {
    header.version = load_be<uint16_t>(at);
    at += 2;
  }
  header.flags = load_be<uint16_t>(at);
  header.extension_size = load_be<uint16_t>(at + 2);
  header.payload_size = load_be<uint32_t>(at + 4);
  header.crc = load_be<uint32_t>(at + 8);
  return header;
}

Result<void> check_header(const Header& header, size_t payload_bytes_max) {
  if (header.version != kProtocolVersion) {
    return Error(Code::kUnsupportedProtocol, "this server speaks frame version 1 only")
        .with("field", "version")
        .with("value", header.version);
  }
  if ((header.flags & ~kKnownFlags) != 0) {
    return Error(Code::kUnsupportedProtocol, "the frame sets flags that this server does not know")
        .with("field", "flags")
        .with("value", header.flags);
  }
  if (header.payload_size > payload_bytes_max) {
    return Error(Code::kBadRequest, "the frame's payload is longer than the limit")
        .with("field", "payload_len")
        .with("value", header.payload_size)
        .with("limit", static_cast<int64_t>(payload_bytes_max));
  }
  return {};
}

}  // namespace

size_t header_size(Dialect dialect) {
  switch (dialect) {
    case Dialect::kRcpx:
      return 18;
    case Dialect::kRcp1:
      return 16;
    case Dialect::kJsonl:
      return 0;
  }
  check_failed(__FILE__, __LINE__, "known dialect", "");
}

Result<std::optional<Frame>> FrameReader::next(std::string_view input) {
  frame_size_hint_ = 0;
  if (!dialect_) {
    RSTMDB_ASSIGN(dialect_, recognise(input, scanned_));
    if (!dialect_) {
      if (input.size() <= payload_bytes_max_) return std::optional<Frame>();
      return Error(Code::kBadRequest, "the line is longer than the limit")
          .with("field", "line")
          .with("limit", static_cast<int64_t>(payload_bytes_max_));
    }
  }
  return *dialect_ == Dialect::kJsonl ? next_line(input) : next_binary(input);
}

Result<std::optional<Frame>> FrameReader::next_binary(std::string_view input) {
  const size_t fixed = header_size(*dialect_);
  const std::string_view magic = magic_of(*dialect_);
  const size_t seen = std::min(input.size(), kMagicSize);
  if (input.substr(0, seen) != magic.substr(0, seen)) {
    return Error(Code::kUnsupportedProtocol, "a frame does not start with the connection's magic")
        .with("field", "magic");
  }
  if (input.size() < fixed) return std::optional<Frame>();

  const Header header = read_header(input.data(), *dialect_);
  RSTMDB_TRY(check_header(header, payload_bytes_max_));
  const size_t payload_at = fixed + header.extension_size;
  const size_t size = payload_at + header.payload_size;
  frame_size_hint_ = size;
  if (input.size() < size) return std::optional<Frame>();

  const std::string_view payload = input.substr(payload_at, header.payload_size);
  if ((header.flags & kFlagCrcPresent) != 0 && crc32c(payload) != header.crc) {
    return Error(Code::kBadRequest, "the payload does not match its crc32c")
        .with("field", "crc32c");
  }
  return std::optional(Frame{payload, size});
}

size_t FrameReader::whole_frame_size(std::string_view input) const {
  RSTMDB_CHECK(dialect_ && *dialect_ != Dialect::kJsonl, "frames with a header");
  const size_t fixed = header_size(*dialect_);
  if (input.size() < fixed || !input.starts_with(magic_of(*dialect_))) return 0;
  const Header header = read_header(input.data(), *dialect_);
  const size_t size = fixed + header.extension_size + header.payload_size;
  return input.size() >= size && check_header(header, payload_bytes_max_).ok() ? size : 0;
}

Result<std::optional<Frame>> FrameReader::next_line(std::string_view input) {
  while (true) {
    const size_t end = input.find('\n', std::min(scanned_, input.size()));
    if (end == std::string_view::npos) {
      scanned_ = input.size();
      if (input.size() > payload_bytes_max_) {
        return Error(Code::kBadRequest, "the line is longer than the limit")
            .with("field", "line")
            .with("limit", static_cast<int64_t>(payload_bytes_max_));
      }
      return std::optional<Frame>();
    }
    // Empty lines are skipped together with the request that follows them.
    const size_t start = input.find_first_not_of(kSpace);
    if (start == std::string_view::npos) {
      scanned_ = 0;
      return std::optional(Frame{{}, input.size()});
    }
    if (start > end) {
      scanned_ = start;
      continue;
    }
    scanned_ = 0;
    const std::string_view line = input.substr(start, end - start);
    if (line.size() > payload_bytes_max_) {
      return Error(Code::kBadRequest, "the line is longer than the limit")
          .with("field", "line")
          .with("limit", static_cast<int64_t>(payload_bytes_max_));
    }
    return std::optional(Frame{line, end + 1});
  }
}

size_t begin_frame(std::string& out, Dialect dialect) {
  const size_t start = out.size();
  out.append(header_size(dialect), '\0');
  return start;
}

void end_frame(std::string& out, Dialect dialect, size_t start) {
  if (dialect == Dialect::kJsonl) {
    out.push_back('\n');
    return;
  }
  const std::string_view payload = std::string_view(out).substr(start + header_size(dialect));
  store_header(out.data() + start, dialect, payload.size(), crc32c(payload));
}

void append_frame(std::string& out, Dialect dialect, std::string_view shared, uint32_t shared_crc,
                  std::string_view own) {
  const size_t start = out.size();
  const size_t fixed = header_size(dialect);
  const bool line = dialect == Dialect::kJsonl;
  const size_t payload = shared.size() + own.size();
  const size_t end = start + fixed + payload + (line ? 1 : 0);
  // The size that the library gives is not `end` but the capacity when it has had to grow.
  out.resize_and_overwrite(end, [&](char* data, size_t) {
    char* at = data + start;
    if (line) {
      data[end - 1] = '\n';
    } else {
      store_header(at, dialect, payload, crc32c(own, shared_crc));
    }
    std::memcpy(at + fixed, shared.data(), shared.size());
    std::memcpy(at + fixed + shared.size(), own.data(), own.size());
    return end;
  });
}

}  // namespace rstmdb::wire
