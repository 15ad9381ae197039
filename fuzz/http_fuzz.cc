// Any bytes at an HTTP door, read once in one piece and once in pieces, one request with its body
// after the other. What must hold: both readings come to the same requests and the same end; a head
// lies inside the input, names a path and is not longer than it may be; a body is not longer than
// it may be, and of a length is what stood in the input; a refusal has a status that the doors
// know; nothing is taken that has a bare line end, a folded field, or its length in two ways.
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
#include "http/route.h"

namespace rstmdb::http {
namespace {

constexpr size_t kBodyBytesMax = 1'000;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

size_t count(std::string_view text, std::string_view what) {
  size_t found = 0;
  for (size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
    ++found;
  return found;
}

void check_head(const Request& request, std::string_view input) {
  RSTMDB_CHECK(request.size <= input.size(), "longer than the input");
  RSTMDB_CHECK(request.size <= limits::kHttpHeadBytesMax, "longer than allowed");
  RSTMDB_CHECK(request.path.starts_with('/') && !request.path.contains('?'), request.path);
  RSTMDB_CHECK(!request.method.empty(), "no method");
  const std::string head = lower(input.substr(0, request.size));
  RSTMDB_CHECK(head.ends_with("\r\n\r\n"), "no end");
  RSTMDB_CHECK(!head.contains("\r\n ") && !head.contains("\r\n\t"), "a folded field");
  RSTMDB_CHECK(std::ranges::count(head, '\n') == std::ranges::count(head, '\r'), "a bare line end");
  const size_t lengths = count(head, "\r\ncontent-length:") + count(head, "\r\ntransfer-encoding:");
  RSTMDB_CHECK(lengths <= 1, "its length in two ways");
  RSTMDB_CHECK(lengths == 1 || request.body == Request::Body::kNone, "a body of no length");
  const Found found = find_route(request.method, request.path);
  RSTMDB_CHECK(found.route == nullptr || found.allow.empty(), "found, and only others allowed");
}

/// What one reading has found, one line a request, and its end.
class Reading {
 public:
  /// Reads on as far as `input`, which has grown at its end; false after a refusal.
  bool go_on(std::string_view input) {
    while (true) {
      if (request_ == nullptr) {
        const auto next = reader_.next(input.substr(at_));
        if (!next) return refused(next.error());
        if (*next == nullptr) return true;
        request_ = *next;
        check_head(*request_, input.substr(at_));
        at_ += request_->size;
        begin_ = at_;
        if (const auto begun = reader_.begin_body(kBodyBytesMax); !begun)
          return refused(begun.error());
      }
      const auto taken = reader_.body().take(input.substr(at_));
      if (!taken) return refused(taken.error());
      at_ += *taken;
      RSTMDB_CHECK(at_ <= input.size(), "more than there was");
      if (!reader_.body().done()) return true;
      keep(input);
    }
  }
  const std::string& text() const { return text_; }

 private:
  void keep(std::string_view input) {
    const std::string_view body = reader_.body().bytes();
    RSTMDB_CHECK(body.size() <= kBodyBytesMax, "a body longer than allowed");
    if (request_->body == Request::Body::kSized)
      RSTMDB_CHECK(body == input.substr(begin_, request_->body_bytes), "another body");
    text_.append(request_->method).append(" ").append(request_->path).append("?");
    text_.append(request_->query).append(request_->keep_alive ? " keep" : "");
    text_.append(request_->http_1_0 ? " 1.0" : "").append(" ").append(body).append("\n");
    request_ = nullptr;
  }
  bool refused(const Refusal& refusal) {
    RSTMDB_CHECK(status_words(refusal.status) != "Unknown", "a status without words");
    text_ += "refused";
    return false;
  }

  RequestReader reader_;
  const Request* request_ = nullptr;
  size_t at_ = 0;
  size_t begin_ = 0;
  std::string text_;
};

}  // namespace
}  // namespace rstmdb::http

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb::http;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  Reading whole;
  whole.go_on(input);
  Reading pieces;
  uint32_t seed = bytes[0];
  for (size_t end = 0; end < input.size();) {
    seed = seed * 1'664'525 + 1'013'904'223;
    end = std::min(input.size(), end + 1 + (seed >> 24) % 40);
    if (!pieces.go_on(input.substr(0, end))) break;
  }
  RSTMDB_CHECK(whole.text() == pieces.text(), whole.text() + " / " + pieces.text());
  return 0;
}
