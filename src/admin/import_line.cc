#include "admin/import_line.h"

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "engine/name.h"
#include "json/writer.h"

namespace rstmdb::admin {
namespace {

/// Whole text as a number; nothing when it is none, or not all of it.
std::optional<uint64_t> number_of(std::string_view text, int base) {
  uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<void> ImportLine::parse(std::string_view text, uint64_t number) {
  text_ = text;
  number_ = number;
  // A context may be as deep as a request's, and stands one level deeper here. It may have more
  // members than one request brings.
  const json::Document::Limits bounds{.depth = limits::kJsonAnswerDepthMax, .members = text.size()};
  if (const auto parsed = document_.parse(text, bounds); !parsed.ok())
    return fault_at(static_cast<size_t>(parsed.error().detail_number("column", 1)),
                    parsed.error().message());
  root_ = document_.root();
  if (!root_.is_object()) return fault_at(1, "a line is a JSON object");
  return {};
}

Result<void> ImportLine::expect_only(std::initializer_list<std::string_view> members) const {
  for (json::Value member = root_.first(); member; member = member.next())
    if (std::ranges::find(members, member.key()) == members.end())
      return fault(member.key(), "such a line has no \"" + std::string(member.key()) + "\"");
  return {};
}

Result<std::string_view> ImportLine::text(std::string_view member) const {
  const json::Value value = root_[member];
  if (!value) return fault("", "\"" + std::string(member) + "\" is missing");
  if (!value.is_string()) return fault(member, "here belongs a string");
  return value.string();
}

Result<std::string_view> ImportLine::name(std::string_view member) const {
  RSTMDB_ASSIGN(const std::string_view found, text(member));
  const std::string_view wrong = engine::name_fault(found);
  if (!wrong.empty()) return fault(member, "the name " + std::string(wrong));
  return found;
}

Result<uint64_t> ImportLine::whole(std::string_view member,
                                   std::optional<uint64_t> otherwise) const {
  const json::Value value = root_[member];
  if (!value && otherwise) return *otherwise;
  if (!value) return fault("", "\"" + std::string(member) + "\" is missing");
  const auto number = value.is_number() ? number_of(value.text(), 10) : std::nullopt;
  if (!number || *number > limits::kOffsetMax)
    return fault(member,
                 "here belongs a whole number from 0 to " + std::to_string(limits::kOffsetMax));
  return *number;
}

Result<bool> ImportLine::flag(std::string_view member) const {
  const json::Value value = root_[member];
  if (!value) return false;
  if (!value.is_bool()) return fault(member, "here belongs true or false");
  return value.boolean();
}

Result<uint64_t> ImportLine::hex64(std::string_view member) const {
  RSTMDB_ASSIGN(const std::string_view digits, text(member));
  const auto number = digits.size() == 16 ? number_of(digits, 16) : std::nullopt;
  if (!number) return fault(member, "here belong 16 hex digits");
  return *number;
}

Result<Hash128> ImportLine::hex128(std::string_view member) const {
  RSTMDB_ASSIGN(const std::string_view digits, text(member));
  if (digits.size() == 32) {
    const auto high = number_of(digits.substr(0, 16), 16);
    const auto low = number_of(digits.substr(16), 16);
    if (high && low) return Hash128{.low = *low, .high = *high};
  }
  return fault(member, "here belong 32 hex digits");
}

Error ImportLine::fault(std::string_view member, std::string_view reason) const {
  return fault_at(column_of(member), reason);
}

Error ImportLine::fault_at(size_t column, std::string_view reason) const {
  std::string text =
      "line " + std::to_string(number_) + ", column " + std::to_string(column) + ": ";
  text.append(reason);
  return Error(Code::kBadRequest, std::move(text))
      .with("line", static_cast<int64_t>(number_))
      .with("column", static_cast<int64_t>(column))
      .with("reason", reason);
}

/// Column of the member's first mention with a colon behind it; 1 when it is spelled otherwise
/// there.
size_t ImportLine::column_of(std::string_view member) const {
  if (member.empty()) return 1;
  std::string quoted;
  json::append_string(quoted, member);
  for (size_t at = text_.find(quoted); at != std::string_view::npos;
       at = text_.find(quoted, at + 1)) {
    const size_t behind = text_.find_first_not_of(" \t", at + quoted.size());
    if (behind != std::string_view::npos && text_[behind] == ':') return at + 1;
  }
  return 1;
}

}  // namespace rstmdb::admin
