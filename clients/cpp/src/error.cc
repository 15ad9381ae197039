#include "rstmdb/error.h"

#include <array>

#include "rstmdb/json.h"

namespace rstmdb::client {
namespace {

struct CodeName {
  ErrorCode code;
  std::string_view name;
};
constexpr std::array<CodeName, 16> kCodes = {{
    {ErrorCode::kUnsupportedProtocol, "UNSUPPORTED_PROTOCOL"},
    {ErrorCode::kBadRequest, "BAD_REQUEST"},
    {ErrorCode::kUnauthorized, "UNAUTHORIZED"},
    {ErrorCode::kAuthFailed, "AUTH_FAILED"},
    {ErrorCode::kNotFound, "NOT_FOUND"},
    {ErrorCode::kMachineNotFound, "MACHINE_NOT_FOUND"},
    {ErrorCode::kMachineVersionExists, "MACHINE_VERSION_EXISTS"},
    {ErrorCode::kMachineVersionLimitExceeded, "MACHINE_VERSION_LIMIT_EXCEEDED"},
    {ErrorCode::kInstanceNotFound, "INSTANCE_NOT_FOUND"},
    {ErrorCode::kInstanceExists, "INSTANCE_EXISTS"},
    {ErrorCode::kInvalidTransition, "INVALID_TRANSITION"},
    {ErrorCode::kGuardFailed, "GUARD_FAILED"},
    {ErrorCode::kConflict, "CONFLICT"},
    {ErrorCode::kWalIoError, "WAL_IO_ERROR"},
    {ErrorCode::kInternalError, "INTERNAL_ERROR"},
    {ErrorCode::kRateLimited, "RATE_LIMITED"},
}};

ErrorCode code_of(std::string_view name) {
  for (const CodeName& known : kCodes) {
    if (known.name == name) return known.code;
  }
  return ErrorCode::kOther;
}

/// After these the server itself does not know whether the write has reached the disk.
bool truth_unknown(ErrorCode code) {
  return code == ErrorCode::kWalIoError || code == ErrorCode::kInternalError;
}

}  // namespace

struct Error::Body {
  ErrorKind kind = ErrorKind::kServer;
  ErrorCode code = ErrorCode::kNone;
  bool retryable = false;
  bool maybe_applied = false;
  std::string code_text;
  std::string message;
  std::string details;
};

std::string_view kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kServer:
      return "server";
    case ErrorKind::kConnection:
      return "connection";
    case ErrorKind::kTimeout:
      return "timeout";
    case ErrorKind::kCancelled:
      return "cancelled";
    case ErrorKind::kProtocol:
      return "protocol";
    case ErrorKind::kArgument:
      return "argument";
  }
  return "";
}

std::string_view code_name(ErrorCode code) {
  for (const CodeName& known : kCodes) {
    if (known.code == code) return known.name;
  }
  return code == ErrorCode::kOther ? "OTHER" : "";
}

Error::Error(ErrorKind kind, std::string message) {
  auto body = std::make_shared<Body>();
  body->kind = kind;
  body->retryable = kind == ErrorKind::kConnection || kind == ErrorKind::kTimeout;
  body->message = std::move(message);
  body_ = std::move(body);
}

Error::Error(std::string code_text, std::string message, std::string details) {
  auto body = std::make_shared<Body>();
  body->code = code_of(code_text);
  body->retryable = truth_unknown(body->code) || body->code == ErrorCode::kRateLimited;
  body->maybe_applied = truth_unknown(body->code);
  body->code_text = std::move(code_text);
  body->message = std::move(message);
  body->details = std::move(details);
  body_ = std::move(body);
}

ErrorKind Error::kind() const { return body_->kind; }
ErrorCode Error::code() const { return body_->code; }
const std::string& Error::code_text() const { return body_->code_text; }
const std::string& Error::message() const { return body_->message; }
bool Error::retryable() const { return body_->retryable; }
bool Error::maybe_applied() const { return body_->maybe_applied; }
const std::string& Error::details() const { return body_->details; }

std::string Error::detail(std::string_view key) const {
  if (body_->details.empty()) return {};
  const auto details = Json::parse(body_->details);
  if (!details.ok()) return {};
  const Json value = (*details)[key];
  return std::string(value.is_string() ? value.string() : value.text());
}

std::string Error::to_string() const {
  std::string text(body_->kind == ErrorKind::kServer ? body_->code_text : kind_name(body_->kind));
  text += ": ";
  text += body_->message;
  if (!body_->details.empty()) {
    text += ' ';
    text += body_->details;
  }
  return text;
}

Error Error::with_retryable(bool retryable) const {
  auto body = std::make_shared<Body>(*body_);
  body->retryable = retryable;
  return Error(std::shared_ptr<const Body>(std::move(body)));
}

Error Error::with_maybe_applied(bool maybe_applied) const {
  auto body = std::make_shared<Body>(*body_);
  body->maybe_applied = maybe_applied;
  return Error(std::shared_ptr<const Body>(std::move(body)));
}

Error Error::with_details(std::string details) const {
  auto body = std::make_shared<Body>(*body_);
  body->details = std::move(details);
  return Error(std::shared_ptr<const Body>(std::move(body)));
}

namespace {

[[noreturn]] void throw_server_error(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kUnsupportedProtocol:
    case ErrorCode::kBadRequest:
      throw BadRequest(error);
    case ErrorCode::kUnauthorized:
    case ErrorCode::kAuthFailed:
      throw Authentication(error);
    case ErrorCode::kNotFound:
    case ErrorCode::kMachineNotFound:
    case ErrorCode::kInstanceNotFound:
      throw NotFound(error);
    case ErrorCode::kMachineVersionExists:
    case ErrorCode::kInstanceExists:
      throw AlreadyExists(error);
    case ErrorCode::kInvalidTransition:
      throw InvalidTransition(error);
    case ErrorCode::kGuardFailed:
      throw GuardFailed(error);
    case ErrorCode::kConflict:
      throw Conflict(error);
    case ErrorCode::kMachineVersionLimitExceeded:
    case ErrorCode::kRateLimited:
      throw RateLimited(error);
    case ErrorCode::kWalIoError:
    case ErrorCode::kInternalError:
      throw ServerFault(error);
    case ErrorCode::kNone:
    case ErrorCode::kOther:
      throw ServerError(error);
  }
  throw ServerError(error);
}

}  // namespace

void throw_error(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::kServer:
      throw_server_error(error);
    case ErrorKind::kConnection:
      throw ConnectionError(error);
    case ErrorKind::kTimeout:
      throw TimeoutError(error);
    case ErrorKind::kCancelled:
      throw CancelledError(error);
    case ErrorKind::kProtocol:
      throw ProtocolError(error);
    case ErrorKind::kArgument:
      throw ArgumentError(error);
  }
  throw RstmdbError(error);
}

}  // namespace rstmdb::client
