// A value or an Error. A class of its own and not an alias of std::expected, because a dropped
// alias is not reported by the compiler, and a dropped error is a lost write.
#pragma once

#include <expected>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace rstmdb {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place, std::move(value)) {}
  Result(Error error) : state_(std::unexpected(std::move(error))) {}

  bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }

  /// The value; the caller has seen ok(). Anything else is our own mistake and aborts.
  T& value() & { return checked(); }
  const T& value() const& { return const_cast<Result*>(this)->checked(); }
  T&& value() && { return std::move(checked()); }
  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

  const Error& error() const& {
    RSTMDB_CHECK(!ok(), "error() of a result that has a value");
    return state_.error();
  }
  Error&& error() && {
    RSTMDB_CHECK(!ok(), "error() of a result that has a value");
    return std::move(state_.error());
  }

 private:
  T& checked() {
    if (!ok()) [[unlikely]]
      check_failed(__FILE__, __LINE__, "Result::ok()", state_.error().to_string());
    return *state_;
  }
  std::expected<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : state_(std::unexpected(std::move(error))) {}

  bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    RSTMDB_CHECK(!ok(), "error() of a result that has a value");
    return state_.error();
  }
  Error&& error() && {
    RSTMDB_CHECK(!ok(), "error() of a result that has a value");
    return std::move(state_.error());
  }

 private:
  std::expected<void, Error> state_;
};

}  // namespace rstmdb

#define RSTMDB_CONCAT_(a, b) a##b
#define RSTMDB_CONCAT(a, b) RSTMDB_CONCAT_(a, b)

/// Returns the error of `expression` from the enclosing function, or goes on.
#define RSTMDB_TRY(expression)                                                 \
  do {                                                                         \
    if (auto rstmdb_result_ = (expression); !rstmdb_result_.ok()) [[unlikely]] \
      return std::move(rstmdb_result_).error();                                \
  } while (false)

/// `RSTMDB_ASSIGN(auto x, f());` declares x as the value, or returns the error from the enclosing
/// function.
#define RSTMDB_ASSIGN(target, expression)                              \
  auto RSTMDB_CONCAT(rstmdb_result_, __LINE__) = (expression);         \
  if (!RSTMDB_CONCAT(rstmdb_result_, __LINE__).ok()) [[unlikely]]      \
    return std::move(RSTMDB_CONCAT(rstmdb_result_, __LINE__)).error(); \
  target = std::move(RSTMDB_CONCAT(rstmdb_result_, __LINE__)).value()
