#include "json/scan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "json/escape.h"
#include "json/words.h"

namespace rstmdb::json {
namespace {

/// The place behind the closing quote of the string that opens at `at`, or `end`.
const char* skip_string(const char* at, const char* end) {
  ++at;
  while (end - at >= 8) {
    const uint64_t word = load_word(at);
    const uint64_t hits = has_byte(word, '"') | has_byte(word, '\\');
    if (hits == 0) {
      at += 8;
      continue;
    }
    at += first_byte(hits);
    if (*at == '"') return at + 1;
    at += std::min<ptrdiff_t>(2, end - at);
  }
  while (at < end && *at != '"') at += std::min<ptrdiff_t>(*at == '\\' ? 2 : 1, end - at);
  return at < end ? at + 1 : end;
}

/// The place behind the array or object that opens at `at`, or `end`.
const char* skip_nested(const char* at, const char* end) {
  size_t depth = 0;
  while (at < end) {
    const char c = *at;
    if (c == '"') {
      at = skip_string(at, end);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return end;
}

/// The place behind the value at `at`, at most `end`.
const char* skip_value(const char* at, const char* end) {
  if (at >= end) return end;
  if (*at == '"') return skip_string(at, end);
  if (*at == '{' || *at == '[') return skip_nested(at, end);
  while (at < end && *at != ',' && *at != '}' && *at != ']') ++at;
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
  const char* const end = array.data() + array.size();
  for (const char* at = array.data() + 1; at < end && *at != ']';) {
    const char* const value_end = skip_value(at, end);
    append_sorted_at(out, {at, value_end}, depth);
    at = value_end;
    if (at >= end || *at != ',') break;
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

MemberScan::MemberScan(std::string_view object)
    : at_(object.data()), end_(object.data() + object.size()) {
  if (!object.starts_with('{')) return;
  ++at_;
  advance();
}

void MemberScan::advance() {
  valid_ = false;
  if (at_ >= end_ || *at_ != '"') return;
  const char* const key_end = skip_string(at_, end_);
  if (key_end >= end_) return;
  valid_ = true;
  key_ = {at_ + 1, key_end - 1};
  const char* const value = key_end + 1;
  at_ = skip_value(value, end_);
  value_ = {value, at_};
  if (at_ < end_ && *at_ == ',') ++at_;
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
