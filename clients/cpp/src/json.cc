#include "rstmdb/json.h"

#include <charconv>

#include "json/document.h"
#include "json/writer.h"
#include "utf8.h"

namespace rstmdb::client {

struct Json::Node {
  std::shared_ptr<const json::Document> document;
  json::Value value;
};

namespace {

/// Answers nest deeper than what users may store, by the levels of the message around it.
constexpr json::Document::Limits kLimits = {.depth = 256, .members = 10'000'000};

template <class T>
std::optional<T> number_of(std::string_view text) {
  T number{};
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Error parse_error(const rstmdb::Error& error) {
  std::string details;
  json::Writer writer(details);
  writer.open_object();
  for (const std::string_view key : {"byte", "line", "column"}) {
    writer.member(key, error.detail_number(key, 0));
  }
  writer.member("reason", error.detail("reason")).close_object();
  return Error(ErrorKind::kArgument, error.message()).with_details(std::move(details));
}

}  // namespace

Result<Json> Json::parse(std::string_view text) {
  auto document = std::make_shared<json::Document>();
  auto parsed = document->parse(text, kLimits);
  if (!parsed.ok()) return parse_error(parsed.error());
  const json::Value root = document->root();
  return Json(std::make_shared<const Node>(Node{std::move(document), root}));
}

Json::Type Json::type() const {
  if (!node_) return Type::kAbsent;
  switch (node_->value.type()) {
    case json::Type::kNull:
      return Type::kNull;
    case json::Type::kFalse:
    case json::Type::kTrue:
      return Type::kBool;
    case json::Type::kNumber:
      return Type::kNumber;
    case json::Type::kString:
      return Type::kString;
    case json::Type::kArray:
      return Type::kArray;
    case json::Type::kObject:
      return Type::kObject;
  }
  return Type::kAbsent;
}

Json Json::operator[](std::string_view key) const {
  if (!is_object()) return {};
  const json::Value member = node_->value[key];
  if (!member) return {};
  return Json(std::make_shared<const Node>(Node{node_->document, member}));
}

Json Json::element(size_t index) const {
  if (!is_array() || index >= node_->value.size()) return {};
  json::Value element = node_->value.first();
  for (; index > 0; --index) element = element.next();
  return Json(std::make_shared<const Node>(Node{node_->document, element}));
}

Json Json::at(std::string_view path) const {
  Json place = *this;
  while (place && !path.empty()) {
    if (path.front() == '[') {
      const size_t close = path.find(']');
      if (close == std::string_view::npos) return {};
      const auto index = number_of<size_t>(path.substr(1, close - 1));
      if (!index) return {};
      place = place.element(*index);
      path.remove_prefix(close + 1);
    } else {
      const size_t end = path.find_first_of(".[");
      place = place[path.substr(0, end)];
      path = end == std::string_view::npos ? std::string_view() : path.substr(end);
    }
    if (path.starts_with('.')) path.remove_prefix(1);
  }
  return place;
}

size_t Json::size() const { return is_array() || is_object() ? node_->value.size() : 0; }

std::vector<Json> Json::elements() const {
  std::vector<Json> all;
  if (!is_array()) return all;
  for (json::Value e = node_->value.first(); e; e = e.next()) {
    all.push_back(Json(std::make_shared<const Node>(Node{node_->document, e})));
  }
  return all;
}

std::vector<std::pair<std::string, Json>> Json::members() const {
  std::vector<std::pair<std::string, Json>> all;
  if (!is_object()) return all;
  for (json::Value m = node_->value.first(); m; m = m.next()) {
    all.emplace_back(m.key(), Json(std::make_shared<const Node>(Node{node_->document, m})));
  }
  return all;
}

std::string_view Json::text() const { return node_ ? node_->value.text() : std::string_view(); }

std::string_view Json::string() const {
  return is_string() ? node_->value.string() : std::string_view();
}

std::string_view Json::number_text() const { return is_number() ? text() : std::string_view(); }

std::optional<bool> Json::as_bool() const {
  if (type() != Type::kBool) return std::nullopt;
  return node_->value.boolean();
}

std::optional<int64_t> Json::as_int64() const { return number_of<int64_t>(number_text()); }
std::optional<uint64_t> Json::as_uint64() const { return number_of<uint64_t>(number_text()); }
std::optional<double> Json::as_double() const { return number_of<double>(number_text()); }

std::string json_quote(std::string_view text) {
  std::string quoted;
  json::append_string(quoted, is_utf8(text) ? std::string(text) : repair_utf8(text));
  return quoted;
}

}  // namespace rstmdb::client
