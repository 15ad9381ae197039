// One line of an import: its members, each asked for once with what it must be.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "base/result.h"
#include "json/document.h"

namespace rstmdb::admin {

/// One thread. Values are views into the line's document, until the next parse().
class ImportLine {
 public:
  /// Takes the text of line `number`. kBadRequest with details line, column, reason.
  Result<void> parse(std::string_view text, uint64_t number);

  bool has(std::string_view member) const { return root_[member].present(); }
  json::Value operator[](std::string_view member) const { return root_[member]; }
  uint64_t number() const { return number_; }

  /// Refuses members other than these: one that was mistyped must not be overlooked.
  Result<void> expect_only(std::initializer_list<std::string_view> members) const;
  Result<std::string_view> text(std::string_view member) const;
  /// As text(), and one that may be a name.
  Result<std::string_view> name(std::string_view member) const;
  /// A whole number from 0 to limits::kOffsetMax; `otherwise` when the member is not there.
  Result<uint64_t> whole(std::string_view member, std::optional<uint64_t> otherwise) const;
  Result<bool> flag(std::string_view member) const;  // false when it is not there
  /// 16 or 32 hex digits.
  Result<uint64_t> hex64(std::string_view member) const;
  Result<Hash128> hex128(std::string_view member) const;

  /// What is wrong with the member, or, with "", the line.
  Error fault(std::string_view member, std::string_view reason) const;

 private:
  Error fault_at(size_t column, std::string_view reason) const;
  size_t column_of(std::string_view member) const;

  std::string_view text_;
  uint64_t number_ = 0;
  json::Document document_;
  json::Value root_;
};

}  // namespace rstmdb::admin
