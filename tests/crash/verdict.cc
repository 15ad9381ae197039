#include "crash/verdict.h"

#include <numeric>

namespace rstmdb::crash {
namespace {

constexpr size_t kKeptMax = 40;

}  // namespace

std::string_view rule_name(Rule rule) {
  switch (rule) {
    case Rule::kNoLostAck:
      return "no_lost_ack";
    case Rule::kNoPhantom:
      return "no_phantom";
    case Rule::kNoDuplicate:
      return "no_duplicate";
    case Rule::kRefusedAbsent:
      return "refused_absent";
    case Rule::kOffsetsDense:
      return "offsets_dense";
    case Rule::kOrderKept:
      return "order_kept";
    case Rule::kBatchWhole:
      return "batch_whole";
    case Rule::kPrefixKept:
      return "prefix_kept";
    case Rule::kStateIsFold:
      return "state_is_fold";
    case Rule::kTimeForward:
      return "time_forward";
    case Rule::kFirstAnswerKept:
      return "first_answer_kept";
    case Rule::kReadsDurable:
      return "reads_durable";
    case Rule::kHistoryKept:
      return "history_kept";
    case Rule::kDecisionsRight:
      return "decisions_right";
    case Rule::kServerComesBack:
      return "server_comes_back";
  }
  return "";
}

uint64_t Verdict::violations() const {
  return std::accumulate(broken_.begin(), broken_.end(), uint64_t{0});
}

void Verdict::add(Rule rule, std::string facts) {
  ++broken_[static_cast<size_t>(rule)];
  if (first_.size() < kKeptMax) first_.push_back({rule, std::move(facts)});
}

void Verdict::add(const Verdict& other) {
  for (size_t i = 0; i < kRuleCount; ++i) {
    checks_[i] += other.checks_[i];
    broken_[i] += other.broken_[i];
  }
  for (const Violation& violation : other.first_) {
    if (first_.size() < kKeptMax) first_.push_back(violation);
  }
}

}  // namespace rstmdb::crash
