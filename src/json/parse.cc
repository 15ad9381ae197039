// From bytes to tape. Boost.JSON's basic_parser knows the grammar and UTF-8 and calls a handler,
// which writes the normal form and the nodes in one pass. Only this file knows Boost.JSON.
//
// The normal form is never longer than the text it comes from (each escape of it is the shortest
// there is), so the output gets the input's size once and is written without further checks.
// Rejected: Boost.JSON's own values, which turn numbers into doubles.
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/src.hpp>
#include <cstring>
#include <limits>

#include "json/parse_error.h"
#include "json/repeats.h"
#include "json/tape.h"
#include "json/writer.h"

namespace rstmdb::json {
namespace {

using boost::json::error_code;
using View = boost::json::string_view;

class TapeHandler {
 public:
  static constexpr size_t max_array_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_string_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_key_size = std::numeric_limits<size_t>::max();

  TapeHandler(Tape& tape, std::string_view input, size_t members_max)
      : tape_(tape), input_(input), members_max_(members_max), out_(tape.text.data()) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) {
    tape_.text_size = size_;
    if (repeats_) tape_.drop_repeats();
    return true;
  }

  bool on_object_begin(error_code&) { return open(Type::kObject, '{'); }
  bool on_array_begin(error_code&) { return open(Type::kArray, '['); }
  bool on_array_end(size_t, error_code&) {
    close(']');
    return true;
  }
  bool on_object_end(size_t, error_code&) {
    const uint32_t object = close('}');
    if (mark_repeats(tape_, object)) repeats_ = true;
    return true;
  }

  bool on_key_part(View s, size_t, error_code& ec) {
    if (!in_string_) {
      if (stack_[depth_].children == members_max_) {
        ec = boost::json::error::object_too_large;
        return false;
      }
      separate();
      open_string();
      key_begin_ = size_;
    }
    string_part(s);
    return true;
  }
  bool on_key(View s, size_t n, error_code& ec) {
    if (!on_key_part(s, n, ec)) return false;
    in_string_ = false;
    key_size_ = size_ - key_begin_;
    key_escaped_ = escaped_;
    if (escaped_) key_plain_ = tape_.keep_plain({out_ + key_begin_, key_size_});
    put('"');
    put(':');
    return true;
  }

  bool on_string_part(View s, size_t, error_code&) {
    if (!in_string_) {
      begin_value(Type::kString);
      open_string();
    }
    string_part(s);
    return true;
  }
  bool on_string(View s, size_t n, error_code& ec) {
    on_string_part(s, n, ec);
    in_string_ = false;
    put('"');
    Node& node = tape_.nodes.back();
    node.escaped = escaped_;
    if (escaped_) {
      node.aux = tape_.keep_plain({out_ + node.begin + 1, size_ - node.begin - 2});
    }
    end_value(node);
    return true;
  }

  bool on_number_part(View s, error_code&) {
    if (!in_number_) begin_value(Type::kNumber);
    in_number_ = true;
    put(s);
    return true;
  }
  bool on_int64(int64_t, View s, error_code& ec) { return number(s, ec); }
  bool on_uint64(uint64_t, View s, error_code& ec) { return number(s, ec); }
  bool on_double(double, View s, error_code& ec) { return number(s, ec); }

  bool on_bool(bool flag, error_code&) {
    return flag ? literal(Type::kTrue, "true") : literal(Type::kFalse, "false");
  }
  bool on_null(error_code&) { return literal(Type::kNull, "null"); }
  bool on_comment_part(View, error_code&) { return true; }
  bool on_comment(View, error_code&) { return true; }

 private:
  struct Open {
    uint32_t node = 0;
    uint32_t children = 0;
    bool object = false;
  };

  void put(char c) { out_[size_++] = c; }
  void put(View s) {
    std::memcpy(out_ + size_, s.data(), s.size());
    size_ += static_cast<uint32_t>(s.size());
  }
  void separate() {
    if (stack_[depth_].children++ > 0) put(',');
  }

  void begin_value(Type type) {
    if (!stack_[depth_].object) separate();
    Node& node = tape_.nodes.emplace_back();
    node.begin = size_;
    node.type = type;
    node.key_size = key_size_;
    node.key_plain = key_plain_;
    node.key_escaped = key_escaped_;
    key_size_ = 0;
    key_escaped_ = false;
  }
  void end_value(Node& node) {
    node.end = size_;
    node.after = static_cast<uint32_t>(tape_.nodes.size());
  }

  bool open(Type type, char bracket) {
    begin_value(type);
    put(bracket);
    stack_[++depth_] =
        Open{static_cast<uint32_t>(tape_.nodes.size() - 1), 0, type == Type::kObject};
    return true;
  }
  uint32_t close(char bracket) {
    put(bracket);
    const Open& top = stack_[depth_--];
    Node& node = tape_.nodes[top.node];
    node.aux = top.children;
    end_value(node);
    return top.node;
  }

  void open_string() {
    put('"');
    in_string_ = true;
    escaped_ = false;
  }
  /// A part that lies in the input has no escapes; one from the parser's own buffer is unescaped.
  void string_part(View s) {
    if (s.empty()) return;
    const auto offset =
        reinterpret_cast<uintptr_t>(s.data()) - reinterpret_cast<uintptr_t>(input_.data());
    if (offset < input_.size()) return put(s);
    scratch_.clear();
    append_string(scratch_, std::string_view(s.data(), s.size()));
    put(View(scratch_.data() + 1, scratch_.size() - 2));
    if (scratch_.size() != s.size() + 2) escaped_ = true;
  }
  bool number(View s, error_code& ec) {
    on_number_part(s, ec);
    in_number_ = false;
    end_value(tape_.nodes.back());
    return true;
  }
  bool literal(Type type, View text) {
    begin_value(type);
    put(text);
    end_value(tape_.nodes.back());
    return true;
  }

  Tape& tape_;
  std::string_view input_;
  size_t members_max_;
  char* out_;
  uint32_t size_ = 0;
  uint32_t key_begin_ = 0;
  uint32_t key_size_ = 0;  // of the key whose value comes next
  uint32_t key_plain_ = 0;
  bool key_escaped_ = false;
  bool in_string_ = false;
  bool in_number_ = false;
  bool escaped_ = false;  // of the string being read
  bool repeats_ = false;
  uint32_t depth_ = 0;
  std::array<Open, limits::kJsonAnswerDepthMax + 1> stack_{};  // [0] stands for the outside
  std::string scratch_;
};

Fault fault_of(const error_code& ec) {
  using boost::json::error;
  if (ec == error::too_deep) return Fault::kDepth;
  if (ec == error::object_too_large) return Fault::kMembers;
  if (ec == error::incomplete) return Fault::kIncomplete;
  if (ec == error::exponent_overflow) return Fault::kExponent;
  if (ec == error::illegal_leading_surrogate || ec == error::illegal_trailing_surrogate) {
    return Fault::kSurrogate;
  }
  return Fault::kSyntax;
}

}  // namespace

Result<void> parse_into(Tape& tape, std::string_view text, const ParseLimits& limits) {
  tape.clear();
  if (text.size() > kTextBytesMax) return parse_error(text, kTextBytesMax, Fault::kSize, limits);
  if (tape.text.size() < text.size() + kTextSlack) tape.text.resize(text.size() + kTextSlack);
  boost::json::parse_options options;
  options.max_depth = std::min(limits.depth, limits::kJsonAnswerDepthMax);
  boost::json::basic_parser<TapeHandler> parser(options, tape, text, limits.members);
  error_code ec;
  const size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used == text.size()) return {};
  tape.clear();
  return parse_error(text, used, ec ? fault_of(ec) : Fault::kTrailing, limits);
}

}  // namespace rstmdb::json
