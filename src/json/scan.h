// Walks JSON text *in normal form* (what Document and Writer have written) without parsing it into
// a tree and without allocating: the context of an instance is kept as such text, and guards and
// the payload merge read it in place. Text from outside must go through Document first; on other
// text the result is undefined but stays inside the given bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "json/document.h"

namespace rstmdb::json {

/// The type of the value that `text` holds. `text` is one value in normal form.
Type scan_type(std::string_view text);

/// Iterates over the members of an object's text.
///   for (MemberScan m(ctx); m.valid(); m.advance()) use(m.raw_key(), m.value());
class MemberScan {
 public:
  explicit MemberScan(std::string_view object);
  bool valid() const { return valid_; }
  void advance();
  /// The key without its quotes, still escaped: in normal form two keys are equal exactly when
  /// these are.
  std::string_view raw_key() const { return key_; }
  /// The value's text.
  std::string_view value() const { return value_; }

 private:
  const char* at_;  // what comes next
  const char* end_;
  std::string_view key_;
  std::string_view value_;
  bool valid_ = false;
};

/// The value of member `raw_key` of `object`, or nullopt when there is none or `object` is not an
/// object.
std::optional<std::string_view> scan_member(std::string_view object, std::string_view raw_key);

/// Appends the shallow merge of two objects: members of `base` in their order, replaced by those of
/// `patch` where the key is the same, then the other members of `patch` in theirs. Nested objects
/// are replaced whole.
void append_merged(std::string& out, std::string_view base, std::string_view patch);

/// Appends `value` (any value) with the members of every object, at every depth, ordered by the
/// bytes of their keys; an escape in a key counts as what it stands for.
void append_sorted(std::string& out, std::string_view value);

}  // namespace rstmdb::json
