// One HTTP/1.x request, cut from the bytes of a connection. This door takes no bodies, and it takes
// nothing that two programs could understand in two ways: line ends are CR LF, a field stands on
// one line, Transfer-Encoding is refused, and so is a message whose length is not plainly zero.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace rstmdb::http {

struct Request {
  std::string method;  // "GET"
  std::string path;    // "/metrics", without query; percent signs are kept as they came
  bool keep_alive = false;
  bool http_1_0 = false;
  size_t size = 0;  // bytes that it took of the input
};

/// Why the stream cannot be trusted any more: the answer's status, and a sentence for a person.
struct Refusal {
  int status = 400;
  std::string_view reason;
};

/// Reads requests from the front of a growing input. Keeps how far it has looked, so that bytes
/// that come one by one are not looked at again.
class RequestReader {
 public:
  /// The request at the front of `input`, or nullopt when it is not whole yet. `input` begins with
  /// the same bytes as in the call before, unless that gave a request.
  std::expected<std::optional<Request>, Refusal> next(std::string_view input);

 private:
  size_t looked_ = 0;
};

}  // namespace rstmdb::http
