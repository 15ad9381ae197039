// What went wrong, in the vocabulary of the protocol.
//
// One list of codes serves every layer: published clients decode `code` into a closed enumeration,
// so a new situation takes the nearest code and says more in `details` (protocol/errors.json is the
// same list as data, and a test compares the two). An error is recognised by its code and details,
// never by its text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rstmdb {

/// The protocol's error codes, in the order of protocol/errors.json.
enum class Code : uint8_t {
  kUnsupportedProtocol,
  kBadRequest,
  kUnauthorized,
  kAuthFailed,
  kNotFound,
  kMachineNotFound,
  kMachineVersionExists,
  kMachineVersionLimitExceeded,
  kInstanceNotFound,
  kInstanceExists,
  kInvalidTransition,
  kGuardFailed,
  kConflict,
  kWalIoError,
  kInternalError,
  kRateLimited,
};
inline constexpr size_t kCodeCount = 16;

/// The code as it stands on the wire, for example `INSTANCE_NOT_FOUND`.
std::string_view code_name(Code code);

/// Whether the same request may succeed later without anything being changed in it.
bool code_retryable(Code code);

/// An error: a code, a sentence for a person, and typed details for a program.
/// Cheap to move; empty of heap memory only after being moved from.
class [[nodiscard]] Error {
 public:
  using Value = std::variant<std::string, int64_t>;
  struct Detail {
    std::string key;
    Value value;
  };

  Error(Code code, std::string message);
  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  Error(const Error& other);
  Error& operator=(const Error& other);

  /// Adds a detail and returns the error itself, to be chained: `Error(...).with("path",
  /// "states[1]")`.
  Error with(std::string_view key, std::string_view value) &&;
  Error with(std::string_view key, int64_t value) &&;

  Code code() const { return body_->code; }
  const std::string& message() const { return body_->message; }
  const std::vector<Detail>& details() const { return body_->details; }

  /// The text of detail `key`, or "" when there is none or it is a number.
  std::string_view detail(std::string_view key) const;
  /// The number of detail `key`, or `otherwise` when there is none or it is a text.
  int64_t detail_number(std::string_view key, int64_t otherwise) const;

  /// `CODE: message (key=value, …)`, for logs and tests.
  std::string to_string() const;

 private:
  struct Body {
    Code code;
    std::string message;
    std::vector<Detail> details;
  };
  std::unique_ptr<Body> body_;
};

}  // namespace rstmdb
