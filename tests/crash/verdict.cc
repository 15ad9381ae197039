#include "crash/verdict.h"

namespace rstmdb::crash {

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

}  // namespace rstmdb::crash
