// Parameters of one request, found under any of their spellings and checked against the operation's
// row. What an operation's file reads here has the right type and lies within its bounds.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "api/operation.h"
#include "base/result.h"
#include "json/document.h"

namespace rstmdb::api {

/// Where a request's parameters stand: in one object, or in two (HTTP: in the body and outside of
/// it). Absent ones count as empty.
struct Given {
  Given(json::Value object) : inside(object) {}
  Given(json::Value object, json::Value other) : inside(object), outside(other) {}
  json::Value inside;
  json::Value outside;
};

class Params {
 public:
  static constexpr size_t kParamsMax = 8;

  /// Checks the members of what is given. Members that the row does not know are ignored.
  /// kBadRequest with detail path: `prefix` and the parameter's own name.
  static Result<Params> bind(const OperationRow& row, const Given& given,
                             std::string_view prefix = {});

  /// Whether the caller gave the parameter; an optional one that is null counts as not given.
  template <class P>
  bool has(P param) const {
    return values_[static_cast<size_t>(param)].present();
  }
  /// The value as it came; absent when not given.
  template <class P>
  json::Value value(P param) const {
    return values_[static_cast<size_t>(param)];
  }
  /// A text's content, the default, or "".
  template <class P>
  std::string_view text(P param) const {
    return text_at(static_cast<size_t>(param));
  }
  /// An integer or offset, its default, or 0. Never negative: no parameter of the contract is.
  template <class P>
  uint64_t number(P param) const {
    return number_at(static_cast<size_t>(param));
  }
  /// A boolean or its default.
  template <class P>
  bool flag(P param) const {
    return has(param) ? value(param).boolean() : number_at(static_cast<size_t>(param)) != 0;
  }
  /// The JSON text of an object or array, the default, or "".
  template <class P>
  std::string_view json(P param) const {
    return has(param) ? value(param).text() : row_->params[static_cast<size_t>(param)].default_text;
  }

 private:
  explicit Params(const OperationRow& row) : row_(&row) {}
  Result<void> take(json::Value object, std::string_view prefix);
  std::string_view text_at(size_t param) const;
  uint64_t number_at(size_t param) const;

  const OperationRow* row_;
  std::array<json::Value, kParamsMax> values_;
};

}  // namespace rstmdb::api
