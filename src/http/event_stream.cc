#include "http/event_stream.h"

#include <array>

#include "base/check.h"
#include "http/response.h"
#include "json/writer.h"
#include "watch/change.h"

namespace rstmdb::http {
namespace {

// A chunk's size is written before the chunk is made, so it has as many digits as the largest.
constexpr size_t kSizeDigits = 8;
constexpr std::string_view kSizePlace = "00000000\r\n";
/// How long a client waits before it connects again.
constexpr std::string_view kRetry = "retry: 1000\n";

/// Makes a chunk of everything that is appended while it lives.
class Chunk {
 public:
  explicit Chunk(std::string& out) : out_(out) {
    out.append(kSizePlace);
    begin_ = out.size();
  }
  ~Chunk() {
    constexpr std::string_view kHex = "0123456789abcdef";
    size_t size = out_.size() - begin_;
    char* const digits = out_.data() + begin_ - kSizePlace.size();
    for (size_t i = kSizeDigits; i > 0; --i, size >>= 4) digits[i - 1] = kHex[size & 15];
    out_.append("\r\n");
  }
  Chunk(const Chunk&) = delete;
  Chunk& operator=(const Chunk&) = delete;

 private:
  std::string& out_;
  size_t begin_;
};

void append_id(std::string& out, uint64_t offset) {
  out.append("id: ");
  json::append_number(out, offset);
}

}  // namespace

void append_opening(std::string& out, uint64_t offset, std::string_view result) {
  const Chunk chunk(out);
  out.append(kRetry);
  append_id(out, offset);
  out.append("\nevent: watching\ndata: ").append(result).append("\n\n");
}

void append_notification(std::string& out, const watch::Notification& notification) {
  const Chunk chunk(out);
  append_id(out, notification.offset);
  out.append("\nevent: ").append(watch::kind_name(notification.change)).append("\ndata: ");
  wire::append_event_text(out, notification.shared.text, notification.kind,
                          notification.subscription_id);
  out.append("\n\n");
}

void append_failure(std::string& out, std::string_view problem) {
  const Chunk chunk(out);
  out.append("event: error\ndata: ").append(problem).append("\n\n");
}

void append_heartbeat(std::string& out) {
  const Chunk chunk(out);
  out.append(":\n\n");
}

}  // namespace rstmdb::http
