// What can go wrong in a call, as a value (Error) and as exceptions for programs that prefer them.
//
// Decide by kind(), code() and details(), never by the message. `maybe_applied()` answers the one
// question that matters after a failed write: can the server have carried it out all the same?
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rstmdb::client {

/// Who found the error.
enum class ErrorKind : uint8_t {
  kServer,      ///< the server answered with an error: see code()
  kConnection,  ///< no connection, or it was lost before the answer came
  kTimeout,     ///< the call's time was up before the answer came
  kCancelled,   ///< the caller's stop_token, or the client was closed
  kProtocol,    ///< the server sent something that is no answer of this protocol
  kArgument,    ///< refused before anything was sent: the request itself is not valid
};

/// The error codes of the protocol. kNone for every kind but kServer; kOther for a code that this
/// version of the library does not know (code_text() has it).
enum class ErrorCode : uint8_t {
  kNone,
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
  kOther,
};

/// `server`, `connection`, `timeout`, `cancelled`, `protocol` or `argument`.
std::string_view kind_name(ErrorKind kind);
/// The code as it stands on the wire (`INSTANCE_NOT_FOUND`); "" for kNone, "OTHER" for kOther.
std::string_view code_name(ErrorCode code);

/// One failed call. Copies share their content, so passing one around is cheap.
class [[nodiscard]] Error {
 public:
  /// An error that this side has found.
  Error(ErrorKind kind, std::string message);
  /// An error answered by the server. `details` is a JSON object as text, or "".
  Error(std::string code_text, std::string message, std::string details);

  ErrorKind kind() const;
  ErrorCode code() const;
  /// The server's code as it came; "" for every other kind.
  const std::string& code_text() const;
  const std::string& message() const;

  /// Whether the same call may succeed later with nothing changed in it: the server's own word for
  /// kServer, true for kConnection and kTimeout, else false. Says nothing about a write being
  /// doubled by it: that is maybe_applied().
  bool retryable() const;
  /// True when the request may have taken effect although no success was seen. Always false for
  /// kArgument and for a definite refusal by the server of what was sent to it once.
  bool maybe_applied() const;

  /// The server's details as JSON text; "" when there are none.
  const std::string& details() const;
  /// Detail `key` as text (a string's content, any other value as JSON); "" when it is missing.
  std::string detail(std::string_view key) const;

  /// `INSTANCE_NOT_FOUND: no such instance {"instance_id":"a"}`, for logs.
  std::string to_string() const;

  /// The same error with another word on retryable() or maybe_applied().
  Error with_retryable(bool retryable) const;
  Error with_maybe_applied(bool maybe_applied) const;
  /// The same error with details (a JSON object as text).
  Error with_details(std::string details) const;

 private:
  struct Body;
  explicit Error(std::shared_ptr<const Body> body) : body_(std::move(body)) {}
  std::shared_ptr<const Body> body_;
};

/// The root of all exceptions of this library; thrown only by Result::value() and throw_error().
class RstmdbError : public std::runtime_error {
 public:
  explicit RstmdbError(Error error) : std::runtime_error(error.to_string()), error_(error) {}
  const Error& error() const { return error_; }

 private:
  Error error_;
};

class ConnectionError : public RstmdbError {
  using RstmdbError::RstmdbError;
};
class TimeoutError : public RstmdbError {
  using RstmdbError::RstmdbError;
};
class CancelledError : public RstmdbError {
  using RstmdbError::RstmdbError;
};
class ProtocolError : public RstmdbError {
  using RstmdbError::RstmdbError;
};
class ArgumentError : public RstmdbError {
  using RstmdbError::RstmdbError;
};

/// The server's answer was an error; the classes below tell its families apart.
class ServerError : public RstmdbError {
  using RstmdbError::RstmdbError;
};
/// BAD_REQUEST, UNSUPPORTED_PROTOCOL
class BadRequest : public ServerError {
  using ServerError::ServerError;
};
/// UNAUTHORIZED, AUTH_FAILED
class Authentication : public ServerError {
  using ServerError::ServerError;
};
/// NOT_FOUND, MACHINE_NOT_FOUND, INSTANCE_NOT_FOUND
class NotFound : public ServerError {
  using ServerError::ServerError;
};
/// INSTANCE_EXISTS, MACHINE_VERSION_EXISTS
class AlreadyExists : public ServerError {
  using ServerError::ServerError;
};
/// CONFLICT: an expected state or offset, a checksum, or a key used for something else
class Conflict : public ServerError {
  using ServerError::ServerError;
};
/// INVALID_TRANSITION: the state has no transition for the event
class InvalidTransition : public ServerError {
  using ServerError::ServerError;
};
/// GUARD_FAILED: there is one, but no guard held
class GuardFailed : public ServerError {
  using ServerError::ServerError;
};
/// RATE_LIMITED, MACHINE_VERSION_LIMIT_EXCEEDED
class RateLimited : public ServerError {
  using ServerError::ServerError;
};
/// WAL_IO_ERROR, INTERNAL_ERROR: the server is in trouble
class ServerFault : public ServerError {
  using ServerError::ServerError;
};

/// Throws `error` as the exception class of its kind and code.
[[noreturn]] void throw_error(const Error& error);

}  // namespace rstmdb::client
