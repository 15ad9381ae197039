#include "base/error.h"

#include <array>

namespace rstmdb {
namespace {

constexpr std::array<std::string_view, kCodeCount> kNames = {
    "UNSUPPORTED_PROTOCOL",
    "BAD_REQUEST",
    "UNAUTHORIZED",
    "AUTH_FAILED",
    "NOT_FOUND",
    "MACHINE_NOT_FOUND",
    "MACHINE_VERSION_EXISTS",
    "MACHINE_VERSION_LIMIT_EXCEEDED",
    "INSTANCE_NOT_FOUND",
    "INSTANCE_EXISTS",
    "INVALID_TRANSITION",
    "GUARD_FAILED",
    "CONFLICT",
    "WAL_IO_ERROR",
    "INTERNAL_ERROR",
    "RATE_LIMITED",
};

}  // namespace

std::string_view code_name(Code code) { return kNames[static_cast<size_t>(code)]; }

bool code_retryable(Code code) {
  return code == Code::kWalIoError || code == Code::kInternalError || code == Code::kRateLimited;
}

Error::Error(Code code, std::string message)
    : body_(std::make_unique<Body>(Body{code, std::move(message), {}})) {}

Error::Error(const Error& other) : body_(std::make_unique<Body>(*other.body_)) {}

Error& Error::operator=(const Error& other) {
  if (this != &other) body_ = std::make_unique<Body>(*other.body_);
  return *this;
}

Error Error::with(std::string_view key, std::string_view value) && {
  body_->details.push_back({std::string(key), std::string(value)});
  return std::move(*this);
}

Error Error::with(std::string_view key, int64_t value) && {
  body_->details.push_back({std::string(key), value});
  return std::move(*this);
}

std::string_view Error::detail(std::string_view key) const {
  for (const Detail& detail : body_->details) {
    if (detail.key != key) continue;
    if (const auto* text = std::get_if<std::string>(&detail.value)) return *text;
  }
  return {};
}

int64_t Error::detail_number(std::string_view key, int64_t otherwise) const {
  for (const Detail& detail : body_->details) {
    if (detail.key != key) continue;
    if (const auto* number = std::get_if<int64_t>(&detail.value)) return *number;
  }
  return otherwise;
}

std::string Error::to_string() const {
  std::string text(code_name(body_->code));
  text += ": ";
  text += body_->message;
  const char* separator = " (";
  for (const Detail& detail : body_->details) {
    text += separator;
    text += detail.key;
    text += '=';
    if (const auto* number = std::get_if<int64_t>(&detail.value)) {
      text += std::to_string(*number);
    } else {
      text += std::get<std::string>(detail.value);
    }
    separator = ", ";
  }
  if (!body_->details.empty()) text += ')';
  return text;
}

}  // namespace rstmdb
