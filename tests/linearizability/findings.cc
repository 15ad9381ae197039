#include "linearizability/findings.h"

#include <iterator>

namespace rstmdb::lin {
namespace {

constexpr std::string_view kNames[] = {
    "instance_linearizable", "search_ends",    "lost_ack",      "phantom",     "duplicate_apply",
    "refused_absent",        "offsets_dense",  "real_time",     "stale_read",  "answer_right",
    "batch_whole",           "late_effect",    "log_is_fold",   "page_stable", "watch_gap",
    "watch_repeat",          "watch_filter",   "watch_right",   "watch_early", "watch_seam",
    "history_gap",           "history_repeat", "history_right", "history_end", "history_horizon",
    "unexpected_error"};
static_assert(std::size(kNames) == kRuleCount);

}  // namespace

std::string_view rule_name(Rule rule) { return kNames[static_cast<size_t>(rule)]; }

}  // namespace rstmdb::lin
