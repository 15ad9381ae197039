#include "api/params.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>

#include "base/check.h"
#include "base/limits.h"

namespace rstmdb::api {
namespace {

static_assert(std::ranges::all_of(kOperations, [](const OperationRow& row) {
  return row.params.size() <= Params::kParamsMax;
}));

/// Place and wording of a refusal.
class Refusal {
 public:
  Refusal(std::string_view prefix, const ParamRow& row) : prefix_(prefix), row_(row) {}
  Error error(std::string_view what) const {
    std::string message(row_.name);
    message += ' ';
    message += what;
    return Error(Code::kBadRequest, std::move(message))
        .with("path", std::string(prefix_) + std::string(row_.name));
  }

 private:
  std::string_view prefix_;
  const ParamRow& row_;
};

/// A whole number written without fraction and exponent.
std::optional<int64_t> whole_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string between(const ParamRow& row, std::string_view unit) {
  return std::to_string(row.min) + " to " + std::to_string(row.max) + std::string(unit);
}

bool outside(const ParamRow& row, int64_t size) { return size < row.min || size > row.max; }

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

Result<void> check_text(const ParamRow& row, json::Value value, const Refusal& refuse) {
  if (!value.is_string()) return refuse.error("must be a string");
  const std::string_view text = value.string();
  if (outside(row, static_cast<int64_t>(text.size()))) {
    return refuse.error("must have " + between(row, " bytes"))
        .with("size", static_cast<int64_t>(text.size()))
        .with("limit", row.max);
  }
  if (row.type == ParamType::kName && has_control_character(text)) {
    return refuse.error("must not hold control characters");
  }
  return {};
}

Result<void> check_number(const ParamRow& row, json::Value value, const Refusal& refuse) {
  std::optional<int64_t> number;
  if (value.is_number()) number = whole_number(value.text());
  if (row.type == ParamType::kOffset && value.is_string()) number = whole_number(value.string());
  if (!number || outside(row, *number)) {
    return refuse.error("must be a whole number from " + between(row, ""));
  }
  return {};
}

Result<void> check_names(const ParamRow& row, json::Value value, const Refusal& refuse) {
  const auto fits = [](json::Value name) {
    return name.is_string() && !name.string().empty() &&
           name.string().size() <= limits::kNameBytesMax && !has_control_character(name.string());
  };
  if (value.is_string()) {
    if (!fits(value)) return refuse.error("must be a name or an array of names");
    return {};
  }
  if (!value.is_array()) return refuse.error("must be an array of names");
  if (outside(row, value.size())) return refuse.error("must have " + between(row, " elements"));
  for (json::Value name = value.first(); name; name = name.next()) {
    if (!fits(name)) return refuse.error("must hold names only");
  }
  return {};
}

Result<void> check_value(const ParamRow& row, json::Value value, const Refusal& refuse) {
  switch (row.type) {
    case ParamType::kName:
    case ParamType::kText:
      return check_text(row, value, refuse);
    case ParamType::kInteger:
    case ParamType::kOffset:
      return check_number(row, value, refuse);
    case ParamType::kObject:
      if (!value.is_object()) return refuse.error("must be an object");
      return {};
    case ParamType::kArray:
      if (!value.is_array()) return refuse.error("must be an array");
      if (outside(row, value.size())) {
        return refuse.error("must have " + between(row, " elements"))
            .with("size", value.size())
            .with("limit", row.max);
      }
      return {};
    case ParamType::kBoolean:
      if (!value.is_bool()) return refuse.error("must be true or false");
      return {};
    case ParamType::kEnum:
      if (value.is_string() && std::ranges::count(row.values, value.string()) > 0) return {};
      return refuse.error("is none of the values it may have");
    case ParamType::kAny:
      return {};
    case ParamType::kNames:
      return check_names(row, value, refuse);
  }
  check_failed(__FILE__, __LINE__, "known parameter type", row.name);
}

struct Spelling {
  std::string_view text;
  uint8_t param;  // index in its operation's row
};

constexpr size_t kSpellingCount = [] {
  size_t count = 0;
  for (const OperationRow& row : kOperations) {
    for (const ParamRow& param : row.params) count += param.spellings.size();
  }
  return count;
}();

/// Every spelling of every parameter, operation by operation, in one stretch of memory: a key is
/// looked for by going through those of its operation.
struct Spellings {
  std::array<Spelling, kSpellingCount> all{};
  std::array<size_t, kOperationCount + 1> begin{};  // of each operation's; the last is the end
};

constexpr Spellings kSpellings = [] {
  Spellings spellings;
  size_t count = 0;
  for (size_t operation = 0; operation < kOperationCount; ++operation) {
    spellings.begin[operation] = count;
    for (uint8_t i = 0; i < kOperations[operation].params.size(); ++i) {
      for (const std::string_view text : kOperations[operation].params[i].spellings) {
        spellings.all[count++] = {text, i};
      }
    }
  }
  spellings.begin[kOperationCount] = count;
  return spellings;
}();

/// Index of the parameter that `key` spells, or the row's size.
size_t spelled(const OperationRow& row, std::string_view key) {
  const auto operation = static_cast<size_t>(row.operation);
  for (size_t i = kSpellings.begin[operation]; i < kSpellings.begin[operation + 1]; ++i) {
    if (kSpellings.all[i].text == key) return kSpellings.all[i].param;
  }
  return row.params.size();
}

}  // namespace

Result<void> Params::take(json::Value object, std::string_view prefix) {
  for (json::Value member = object.present() ? object.first() : json::Value(); member;
       member = member.next()) {
    const size_t index = spelled(*row_, member.key());
    if (index == row_->params.size()) continue;
    const ParamRow& param = row_->params[index];
    if (member.is_null() && param.need == Need::kOptional) continue;
    const Refusal refuse(prefix, param);
    if (values_[index]) return refuse.error("is given twice, in two places or spellings");
    RSTMDB_TRY(check_value(param, member, refuse));
    values_[index] = member;
  }
  return {};
}

Result<Params> Params::bind(const OperationRow& row, const Given& given, std::string_view prefix) {
  Params params(row);
  RSTMDB_TRY(params.take(given.inside, prefix));
  if (given.outside.present()) RSTMDB_TRY(params.take(given.outside, prefix));
  for (size_t i = 0; i < row.params.size(); ++i) {
    const ParamRow& param = row.params[i];
    if (param.need == Need::kOptional || params.values_[i]) continue;
    return Refusal(prefix, param).error("is missing");
  }
  return params;
}

std::string_view Params::text_at(size_t param) const {
  const json::Value value = values_[param];
  return value ? value.string() : row_->params[param].default_text;
}

uint64_t Params::number_at(size_t param) const {
  const json::Value value = values_[param];
  if (!value) return static_cast<uint64_t>(row_->params[param].default_number);
  const std::string_view text = value.is_string() ? value.string() : value.text();
  return static_cast<uint64_t>(whole_number(text).value_or(0));
}

}  // namespace rstmdb::api
