// Any bytes go into the parser. What must hold: it accepts exactly what the oracle calls JSON; what
// it accepts has a normal form that is a fixed point and never longer than the input; the tree and
// the scanner say the same; merging and sorting keep to JSON. The scanner also gets the raw bytes,
// where it may answer anything but must stay inside them.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "json/document.h"
#include "json/scan.h"
#include "json/writer.h"
#include "json_oracle.h"

namespace rstmdb::json {
namespace {

void check_node(Value value) {
  RSTMDB_CHECK(value.type() == scan_type(value.text()), value.text());
  if (value.is_string()) {
    std::string quoted;
    append_string(quoted, value.string());
    RSTMDB_CHECK(quoted == value.text(), quoted);
  }
  uint32_t children = 0;
  MemberScan scan(value.text());
  for (Value child = value.first(); child; child = child.next(), ++children) {
    if (value.is_object()) {
      std::string quoted;
      append_string(quoted, child.key());
      RSTMDB_CHECK(scan.valid() && scan.value() == child.text(), value.text());
      RSTMDB_CHECK("\"" + std::string(scan.raw_key()) + "\"" == quoted, value.text());
      scan.advance();
      // Looking each one up among many would be quadratic.
      if (children < 20) RSTMDB_CHECK(value[child.key()].text() == child.text(), value.text());
    }
    check_node(child);
  }
  RSTMDB_CHECK(!scan.valid(), value.text());
  if (value.is_array() || value.is_object()) RSTMDB_CHECK(value.size() == children, value.text());
}

void check_normal(std::string_view text) {
  Document document;
  RSTMDB_CHECK(document.parse(text).ok(), text);
  RSTMDB_CHECK(document.text() == text, document.text());
}

void check_accepted(const Document& document, std::string_view input) {
  const std::string_view normal = document.text();
  RSTMDB_CHECK(normal.size() <= input.size(), normal);
  check_normal(normal);
  check_node(document.root());
  std::string sorted;
  append_sorted(sorted, normal);
  RSTMDB_CHECK(sorted.size() == normal.size(), sorted);
  check_normal(sorted);
  std::string merged;
  append_merged(merged, normal, normal);
  RSTMDB_CHECK(merged == (document.root().is_object() ? normal : "{}"), merged);
  merged.clear();
  append_merged(merged, R"({"a":1,"b":[2]})", normal);
  check_normal(merged);
}

void check_refused(const Error& error, size_t size) {
  const int64_t byte = error.detail_number("byte", -1);
  RSTMDB_CHECK(byte >= 0 && byte <= static_cast<int64_t>(size), error.to_string());
  RSTMDB_CHECK(error.detail_number("line", 0) > 0, error.to_string());
  RSTMDB_CHECK(error.detail_number("column", 0) > 0, error.to_string());
  RSTMDB_CHECK(!error.detail("reason").empty(), error.to_string());
}

void check_raw_scan(std::string_view bytes) {
  std::string out;
  append_merged(out, bytes, bytes);
  append_sorted(out, bytes);
  for (MemberScan scan(bytes); scan.valid(); scan.advance()) scan_member(scan.value(), "a");
}

}  // namespace
}  // namespace rstmdb::json

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb;
  const std::string_view input(reinterpret_cast<const char*>(bytes), size);
  json::Document document;
  const auto parsed = document.parse(input);
  const fuzz::Verdict verdict = fuzz::JsonOracle(input).verdict();
  if (verdict != fuzz::Verdict::kUndecided) {
    RSTMDB_CHECK(parsed.ok() == (verdict == fuzz::Verdict::kJson), input);
  }
  if (parsed.ok()) {
    json::check_accepted(document, input);
  } else {
    json::check_refused(parsed.error(), size);
  }
  json::check_raw_scan(input);
  return 0;
}
