#include "fanout/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "json/document.h"
#include "json/writer.h"
#include "load/rcp.h"
#include "wire/frame.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kReceiveBytes = 256 * 1024;
constexpr size_t kFrameBytesMax = 16 * 1024 * 1024;
constexpr size_t kHeaderBytes = 18;
constexpr size_t kLengthAt = 10;
constexpr size_t kCrcAt = 14;
constexpr std::string_view kOffsetKey = "\"wal_offset\":";

Error wrong(std::string what, std::string_view payload) {
  return Error(Code::kInternalError, std::move(what)).with("payload", payload.substr(0, 300));
}

void append_watch(std::string& out, std::string_view params) {
  const size_t start = wire::begin_frame(out, wire::Dialect::kRcpx);
  json::Writer(out)
      .open_object()
      .member("type", "request")
      .member("id", "1")
      .member("op", "WATCH_ALL")
      .member("params", json::RawJson{params})
      .close_object();
  wire::end_frame(out, wire::Dialect::kRcpx, start);
}

}  // namespace

Result<Stream> Stream::watch(const Address& address, std::string_view params) {
  RSTMDB_ASSIGN(Connection connection, Connection::open(address));
  Rcp rcp(kContextBytesMin);
  RSTMDB_TRY(rcp.greet(connection));
  append_watch(connection.out(), params);
  RSTMDB_ASSIGN(const Answer answer, exchange(connection, rcp));
  RSTMDB_ASSIGN(const CutFrame frame, cut_frame(connection.input()));
  json::Document document;
  RSTMDB_TRY(document.parse(frame.payload));
  const json::Value head = document.root()["result"]["wal_offset"];
  if (!head.is_number()) return wrong("WATCH_ALL was refused", frame.payload);
  connection.drop(answer.size);
  // From here on nothing may be read but by this stream; notifications follow the answer at once
  // only when somebody writes, which begins later.
  const int descriptor = ::fcntl(connection.descriptor(), F_DUPFD_CLOEXEC, 0);
  uint64_t offset = 0;
  const std::string_view text = head.text();
  std::from_chars(text.data(), text.data() + text.size(), offset);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  return Stream(descriptor, offset + 1);
}

Stream::~Stream() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Stream::Stream(Stream&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      check_(other.check_),
      rest_(std::move(other.rest_)),
      next_offset_(other.next_offset_),
      offset_at_(other.offset_at_),
      notifications_(other.notifications_),
      bytes_(other.bytes_) {}

Result<void> Stream::receive() {
  static std::vector<char> buffer(kReceiveBytes + kFrameBytesMax);
  std::memcpy(buffer.data(), rest_.data(), rest_.size());
  const ssize_t size = ::recv(descriptor_, buffer.data() + rest_.size(), kReceiveBytes, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (size <= 0)
    return Error(Code::kInternalError, "the stream has ended").with("errno", size < 0 ? errno : 0);
  bytes_ += static_cast<uint64_t>(size);
  std::string_view input(buffer.data(), rest_.size() + static_cast<size_t>(size));
  while (input.size() >= kHeaderBytes) {
    const uint32_t length = load_be<uint32_t>(input.data() + kLengthAt);
    if (!input.starts_with("RCPX") || length > kFrameBytesMax - kHeaderBytes)
      return wrong("this is no frame", input);
    if (input.size() < kHeaderBytes + length) break;
    const std::string_view payload = input.substr(kHeaderBytes, length);
    ++notifications_;
    if (check_ == Check::kGapless) {
      if (crc32c(payload) != load_be<uint32_t>(input.data() + kCrcAt))
        return wrong("the crc is wrong", payload);
      RSTMDB_TRY(take(payload));
    }
    input.remove_prefix(kHeaderBytes + length);
  }
  rest_.assign(input);
  return {};
}

Result<void> Stream::take(std::string_view payload) {
  // Instances' names are of one length here, so the place is mostly that of the last one.
  if (payload.size() < offset_at_ || !payload.substr(offset_at_).starts_with(kOffsetKey)) {
    offset_at_ = payload.find(kOffsetKey);
    if (offset_at_ == std::string_view::npos) {
      offset_at_ = 0;
      return wrong("this is no notification", payload);
    }
  }
  const std::string_view digits = payload.substr(offset_at_ + kOffsetKey.size());
  uint64_t offset = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), offset);
  if (offset != next_offset_)
    return wrong("not the offset that was due", payload)
        .with("due", static_cast<int64_t>(next_offset_));
  ++next_offset_;
  return {};
}

}  // namespace rstmdb::bench
