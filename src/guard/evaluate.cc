// Runs the program of a guard over a small stack. An operand is a view: of the context, of the
// guard's own text, or of a constant.
#include <array>

#include "base/check.h"
#include "guard/compare.h"
#include "guard/guard.h"
#include "json/scan.h"

namespace rstmdb::guard {
namespace {

using json::Type;

struct Operand {
  Type type = Type::kNull;
  std::string_view text;  // JSON in normal form; for numbers and strings at least
};

constexpr Operand boolean(bool flag) {
  return flag ? Operand{Type::kTrue, "true"} : Operand{Type::kFalse, "false"};
}

/// Takes what an evaluation costs off what it may cost.
class Work {
 public:
  explicit Work(uint64_t& left) : told_(left), left_(left) {}
  ~Work() { told_ = left_; }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  bool take(uint64_t cost) {
    over_ = over_ || cost > left_;
    left_ = cost > left_ ? 0 : left_ - cost;
    return !over_;
  }
  bool over() const { return over_; }

 private:
  uint64_t& told_;  // at the end: counting goes on in a register
  uint64_t left_;
  bool over_ = false;
};

Operand look_up(std::string_view context, std::string_view path, Work& work) {
  std::string_view value = context;
  while (!path.empty() && work.take(value.size())) {
    const size_t dot = std::min(path.find('.'), path.size());
    const auto member = json::scan_member(value, path.substr(0, dot));
    if (!member) return {};
    value = *member;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return {json::scan_type(value), value};
}

bool truthy(const Operand& operand) {
  switch (operand.type) {
    case Type::kNull:
    case Type::kFalse:
      return false;
    case Type::kTrue:
      return true;
    case Type::kNumber:
      return compare_numbers(operand.text, "0") != 0;
    case Type::kString:
    case Type::kArray:
    case Type::kObject:
      return operand.text.size() > 2;
  }
  check_failed(__FILE__, __LINE__, "a json::Type", operand.text);
}

bool equal(const Operand& a, const Operand& b) {
  if (a.type != b.type) return false;
  switch (a.type) {
    case Type::kNull:
    case Type::kFalse:
    case Type::kTrue:
      return true;
    case Type::kNumber:
      return compare_numbers(a.text, b.text) == 0;
    case Type::kString:
    case Type::kArray:
    case Type::kObject:
      return a.text == b.text;
  }
  check_failed(__FILE__, __LINE__, "a json::Type", a.text);
}

std::partial_ordering order(const Operand& a, const Operand& b) {
  if (a.type != b.type) return std::partial_ordering::unordered;
  if (a.type == Type::kNumber) return compare_numbers(a.text, b.text);
  if (a.type == Type::kString) return compare_strings(a.text, b.text);
  return std::partial_ordering::unordered;
}

}  // namespace

bool Guard::holds(std::string_view context) const {
  uint64_t any = UINT64_MAX;
  return *holds(context, any);
}

std::optional<bool> Guard::holds(std::string_view context, uint64_t& work) const {
  Work cost(work);
  // Each open parenthesis holds back at most the left side of one comparison.
  std::array<Operand, limits::kGuardDepthMax + 2> stack;
  size_t size = 0;
  const std::string_view text = text_;
  const std::string_view strings = strings_;
  for (size_t at = 0; at < program_.size() && cost.take(kStepWork); ++at) {
    const Instruction& step = program_[at];
    const auto compared = [&](auto verdict) {
      --size;
      stack[size - 1] = boolean(verdict(stack[size - 1], stack[size]));
    };
    switch (step.op) {
      case Op::kNull:
        stack[size++] = Operand();
        break;
      case Op::kFalse:
        stack[size++] = boolean(false);
        break;
      case Op::kTrue:
        stack[size++] = boolean(true);
        break;
      case Op::kPath:
        stack[size++] = look_up(context, text.substr(step.begin, step.size), cost);
        break;
      case Op::kNumber:
        stack[size++] = {Type::kNumber, text.substr(step.begin, step.size)};
        break;
      case Op::kString:
        stack[size++] = {Type::kString, strings.substr(step.begin, step.size)};
        break;
      case Op::kNot:
        stack[size - 1] = boolean(!truthy(stack[size - 1]));
        break;
      case Op::kTruth:
        stack[size - 1] = boolean(truthy(stack[size - 1]));
        break;
      case Op::kJumpIfFalse:
      case Op::kJumpIfTrue: {
        const bool wanted = step.op == Op::kJumpIfTrue;
        if (truthy(stack[--size]) != wanted) break;
        stack[size++] = boolean(wanted);
        at = step.begin - 1;
        break;
      }
      case Op::kEqual:
        compared(equal);
        break;
      case Op::kNotEqual:
        compared([](const Operand& a, const Operand& b) { return !equal(a, b); });
        break;
      case Op::kLess:
        compared([](const Operand& a, const Operand& b) { return order(a, b) < 0; });
        break;
      case Op::kLessEqual:
        compared([](const Operand& a, const Operand& b) { return order(a, b) <= 0; });
        break;
      case Op::kGreater:
        compared([](const Operand& a, const Operand& b) { return order(a, b) > 0; });
        break;
      case Op::kGreaterEqual:
        compared([](const Operand& a, const Operand& b) { return order(a, b) >= 0; });
        break;
    }
  }
  if (cost.over()) return std::nullopt;
  RSTMDB_CHECK(size == 1, text_);
  return truthy(stack[0]);
}

}  // namespace rstmdb::guard
