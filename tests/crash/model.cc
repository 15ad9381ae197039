#include "crash/model.h"

#include <algorithm>
#include <charconv>

#include "json/writer.h"

namespace rstmdb::crash {

std::string definition_text(uint64_t tag) {
  return R"({"states":["a","b","c"],"initial":"a","transitions":[)"
         R"({"from":"a","event":"next","to":"b"},)"
         R"({"from":"b","event":"next","to":"c"},)"
         R"({"from":"c","event":"next","to":"a"},)"
         R"({"from":"a","event":"jump","to":"c","guard":"ctx.n >= 50"},)"
         R"({"from":"a","event":"jump","to":"b"},)"
         R"({"from":["b","c"],"event":"back","to":"a","guard":"ctx.n < 70 && ctx.t != null"}],)"
         R"("meta":{"t":)" +
         std::to_string(tag) + "}}";
}

std::optional<std::string_view> next_state(std::string_view state, std::string_view event,
                                           std::optional<int64_t> n) {
  if (event == "next") return state == "a" ? "b" : state == "b" ? "c" : "a";
  if (event == "jump" && state == "a") return n && *n >= 50 ? "c" : "b";
  if (event == "back" && state != "a" && n && *n < 70) return "a";
  return std::nullopt;
}

Members::Members(json::Value object) { merge(object); }

void Members::merge(json::Value patch) {
  for (json::Value value = patch.first(); value; value = value.next()) {
    const auto known = std::ranges::find(
        members_, value.key(), [](const auto& member) { return std::string_view(member.first); });
    if (known != members_.end()) {
      known->second = value.text();
    } else {
      members_.emplace_back(value.key(), value.text());
    }
  }
}

std::string Members::text() const {
  std::string out;
  json::Writer writer(out);
  writer.open_object();
  for (const auto& [key, value] : members_) writer.member(key, json::RawJson{value});
  writer.close_object();
  return out;
}

std::optional<int64_t> Members::number(std::string_view key) const {
  for (const auto& [name, value] : members_) {
    int64_t number = 0;
    if (name != key) continue;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), number);
    if (read.ec == std::errc() && read.ptr == value.data() + value.size()) return number;
  }
  return std::nullopt;
}

size_t Members::size_of(std::string_view key) const {
  const auto found = std::ranges::find(members_, key, &std::pair<std::string, std::string>::first);
  return found == members_.end() ? 0 : found->second.size();
}

}  // namespace rstmdb::crash
