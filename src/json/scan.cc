#include "json/scan.h"

#include <algorithm>
#include <array>
#include <functional>
#include <vector>

#include "json/escape.h"
#include "json/words.h"

namespace rstmdb::json {
namespace {

/// The place behind the closing quote of the string that opens at `text[at]`, or text.size().
size_t skip_string(std::string_view text, size_t at) {
  ++at;
  for (;;) {
    while (at + 8 <= text.size()) {
      const uint64_t word = load_word(text.data() + at);
      if ((has_byte(word, '"') | has_byte(word, '\\')) != 0) break;
      at += 8;
    }
    while (at < text.size() && text[at] != '"' && text[at] != '\\') ++at;
    if (at >= text.size()) return text.size();
    if (text[at] == '"') return at + 1;
    at += 2;
  }
}

/// The place behind the array or object that opens at `text[at]`, or text.size().
size_t skip_nested(std::string_view text, size_t at) {
  size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return text.size();
}

/// The place behind the value at `text[at]`, at most text.size().
size_t skip_value(std::string_view text, size_t at) {
  if (at >= text.size()) return text.size();
  const char c = text[at];
  if (c == '"') return skip_string(text, at);
  if (c == '{' || c == '[') return skip_nested(text, at);
  while (at < text.size() && text[at] != ',' && text[at] != '}' && text[at] != ']') ++at;
  return at;
}

struct Member {
  std::string_view raw_key;
  std::string_view value;
};

/// The members of a patch, looked up by key; knows which of them were.
class SmallPatch {
 public:
  static constexpr size_t kMembersMax = 32;

  /// False when there are more than kMembersMax.
  bool read(std::string_view patch) {
    for (MemberScan member(patch); member.valid(); member.advance()) {
      if (count_ == kMembersMax) return false;
      members_[count_++] = {member.raw_key(), member.value()};
    }
    return true;
  }
  const Member* take(std::string_view raw_key) {
    for (size_t i = 0; i < count_; ++i) {
      if (members_[i].raw_key != raw_key) continue;
      taken_ |= uint32_t{1} << i;
      return &members_[i];
    }
    return nullptr;
  }
  template <class Visit>
  void visit_rest(Visit visit) const {
    for (size_t i = 0; i < count_; ++i) {
      if ((taken_ >> i & 1) == 0) visit(members_[i]);
    }
  }

 private:
  std::array<Member, kMembersMax> members_;
  size_t count_ = 0;
  uint32_t taken_ = 0;
};

/// The same for many members, sorted: keys made to collide in a hash table cost nothing here.
class LargePatch {
 public:
  explicit LargePatch(std::string_view patch) {
    for (MemberScan member(patch); member.valid(); member.advance()) {
      const size_t hash = std::hash<std::string_view>()(member.raw_key());
      entries_.push_back({hash, entries_.size(), {member.raw_key(), member.value()}});
    }
    taken_.resize(entries_.size());
    std::ranges::sort(entries_, before);
  }
  const Member* take(std::string_view raw_key) {
    const Entry wanted{std::hash<std::string_view>()(raw_key), 0, {raw_key, {}}};
    const auto at = std::ranges::lower_bound(entries_, wanted, before);
    if (at == entries_.end() || at->member.raw_key != raw_key) return nullptr;
    taken_[at->place] = true;
    return &at->member;
  }
  template <class Visit>
  void visit_rest(Visit visit) {
    std::ranges::sort(entries_, {}, &Entry::place);
    for (const Entry& entry : entries_) {
      if (!taken_[entry.place]) visit(entry.member);
    }
  }

 private:
  struct Entry {
    size_t hash;
    size_t place;
    Member member;
  };
  static bool before(const Entry& a, const Entry& b) {
    if (a.hash != b.hash) return a.hash < b.hash;
    return a.member.raw_key < b.member.raw_key;
  }
  std::vector<Entry> entries_;
  std::vector<bool> taken_;
};

/// Copies `base` in as few pieces as the replaced values leave of it.
template <class Patch>
void merge(std::string& out, std::string_view base, Patch& patch) {
  const char* copied = base.data();
  bool any = false;
  for (MemberScan member(base); member.valid(); member.advance()) {
    any = true;
    const Member* replacement = patch.take(member.raw_key());
    if (replacement == nullptr) continue;
    out.append(copied, member.value().data());
    out.append(replacement->value);
    copied = member.value().data() + member.value().size();
  }
  out.append(copied, std::max(copied, base.data() + base.size() - 1));
  patch.visit_rest([&](const Member& member) {
    if (any) out.push_back(',');
    any = true;
    // The key's quotes and the colon stand around it in the patch's own text.
    const char* begin = member.raw_key.data() - 1;
    out.append(begin, member.value.data() + member.value.size());
  });
  out.push_back('}');
}

bool is_object(std::string_view text) {
  return text.size() >= 2 && text.front() == '{' && text.back() == '}';
}

void append_sorted_at(std::string& out, std::string_view value, size_t depth);

void append_sorted_object(std::string& out, std::string_view object, size_t depth) {
  std::vector<Member> members;
  for (MemberScan member(object); member.valid(); member.advance()) {
    members.push_back({member.raw_key(), member.value()});
  }
  // By the bytes that the keys stand for, not by their escaped form.
  const auto before = [](std::string_view a, std::string_view b) {
    return compare_content(a, b) < 0;
  };
  std::ranges::sort(members, before, &Member::raw_key);
  out.push_back('{');
  for (const Member& member : members) {
    if (&member != members.data()) out.push_back(',');
    out.push_back('"');
    out.append(member.raw_key);
    out.append("\":");
    append_sorted_at(out, member.value, depth);
  }
  out.push_back('}');
}

void append_sorted_array(std::string& out, std::string_view array, size_t depth) {
  out.push_back('[');
  for (size_t at = 1; at < array.size() && array[at] != ']';) {
    const size_t end = skip_value(array, at);
    append_sorted_at(out, array.substr(at, end - at), depth);
    at = end;
    if (at >= array.size() || array[at] != ',') break;
    out.push_back(',');
    ++at;
  }
  out.push_back(']');
}

/// `depth` more levels may be opened; text in normal form never needs more than the limit.
void append_sorted_at(std::string& out, std::string_view value, size_t depth) {
  if (depth > 0 && value.starts_with('{')) return append_sorted_object(out, value, depth - 1);
  if (depth > 0 && value.starts_with('[')) return append_sorted_array(out, value, depth - 1);
  out.append(value);
}

}  // namespace

Type scan_type(std::string_view text) {
  switch (text.empty() ? 'n' : text.front()) {
    case 'n':
      return Type::kNull;
    case 'f':
      return Type::kFalse;
    case 't':
      return Type::kTrue;
    case '"':
      return Type::kString;
    case '[':
      return Type::kArray;
    case '{':
      return Type::kObject;
    default:
      return Type::kNumber;
  }
}

MemberScan::MemberScan(std::string_view object) {
  if (!object.starts_with('{')) return;
  rest_ = object.substr(1);
  if (rest_.starts_with('"')) advance();
}

void MemberScan::advance() {
  const size_t key_end = skip_string(rest_, 0);
  valid_ = rest_.starts_with('"') && key_end < rest_.size();
  if (!valid_) return;
  key_ = rest_.substr(1, key_end - 2);
  const size_t value_end = skip_value(rest_, key_end + 1);
  value_ = rest_.substr(key_end + 1, value_end - key_end - 1);
  rest_.remove_prefix(value_end);
  if (rest_.starts_with(',')) rest_.remove_prefix(1);
}

std::optional<std::string_view> scan_member(std::string_view object, std::string_view raw_key) {
  for (MemberScan member(object); member.valid(); member.advance()) {
    if (member.raw_key() == raw_key) return member.value();
  }
  return std::nullopt;
}

void append_merged(std::string& out, std::string_view base, std::string_view patch) {
  if (!is_object(base)) base = "{}";
  if (!is_object(patch)) patch = "{}";
  SmallPatch small;
  if (small.read(patch)) return merge(out, base, small);
  LargePatch large(patch);
  merge(out, base, large);
}

void append_sorted(std::string& out, std::string_view value) {
  append_sorted_at(out, value, limits::kJsonAnswerDepthMax);
}

}  // namespace rstmdb::json
