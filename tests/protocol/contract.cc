#include "protocol/contract.h"

#include <charconv>
#include <fstream>
#include <iterator>

namespace rstmdb::tests {

void read_contract(json::Document& document, std::string_view path) {
  const std::string full = std::string(RSTMDB_SOURCE_DIR) + "/protocol/" + std::string(path);
  std::ifstream file(full, std::ios::binary);
  ASSERT_TRUE(file) << full;
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto parsed = document.parse(text);
  ASSERT_TRUE(parsed.ok()) << full << ": " << parsed.error().to_string();
}

std::string text_of(json::Value object, std::string_view key) {
  const json::Value member = object[key];
  if (!member.is_string()) {
    ADD_FAILURE() << "no text " << key << " in " << object.text().substr(0, 200);
    return {};
  }
  return std::string(member.string());
}

int64_t number_of(json::Value object, std::string_view key, int64_t otherwise) {
  const json::Value member = object[key];
  if (!member) return otherwise;
  const std::string_view text = member.text();
  int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) {
    ADD_FAILURE() << key << " is no integer: " << text;
  }
  return number;
}

json::Value find_row(json::Value rows, std::string_view key, std::string_view name) {
  for (json::Value row = rows.first(); row; row = row.next()) {
    if (row[key].is_string() && row[key].string() == name) return row;
  }
  return {};
}

testing::AssertionResult has_details(const Error& error, json::Value expected) {
  for (json::Value detail = expected.first(); detail; detail = detail.next()) {
    const bool same = detail.is_string()
                          ? error.detail(detail.key()) == detail.string()
                          : std::to_string(error.detail_number(detail.key(), -1)) == detail.text();
    if (!same) {
      return testing::AssertionFailure() << "detail " << detail.key() << " is not " << detail.text()
                                         << ": " << error.to_string();
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace rstmdb::tests
