#include "linearizability/findings.h"

#include <numeric>

namespace rstmdb::lin {
namespace {

constexpr size_t kKeptMax = 20;
constexpr std::string_view kNames[] = {
    "instance_linearizable", "search_ends",   "lost_ack",    "phantom",     "duplicate_apply",
    "refused_absent",        "offsets_dense", "real_time",   "stale_read",  "answer_right",
    "batch_whole",           "late_effect",   "log_is_fold", "page_stable", "watch_gap",
    "watch_repeat",          "watch_filter",  "watch_right", "watch_early", "watch_seam"};
static_assert(std::size(kNames) == kRuleCount);

}  // namespace

std::string_view rule_name(Rule rule) { return kNames[static_cast<size_t>(rule)]; }

uint64_t Findings::broken() const {
  return std::accumulate(broken_.begin(), broken_.end(), uint64_t{0});
}

void Findings::add(Rule rule, std::string facts) {
  ++broken_[static_cast<size_t>(rule)];
  if (first_.size() < kKeptMax) first_.push_back({rule, std::move(facts)});
}

void Findings::add(const Findings& other) {
  for (size_t i = 0; i < kRuleCount; ++i) {
    checks_[i] += other.checks_[i];
    broken_[i] += other.broken_[i];
  }
  for (const Finding& finding : other.first_) {
    if (first_.size() < kKeptMax) first_.push_back(finding);
  }
}

}  // namespace rstmdb::lin
