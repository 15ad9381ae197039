#include "linearizability/contract.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "crash/history.h"

namespace rstmdb::lin {
namespace {

using crash::text_of;

bool is_success(json::Value response) {
  return text_of(response, "status") == "ok" && response["result"].is_object();
}

bool is_error(json::Value error, Code code) { return text_of(error, "code") == code_name(code); }

/// Whether an act can be refused so. What is said of the instance, the model decides.
bool may_be_refused(const Act& act, json::Value error) {
  const bool not_found = is_error(error, Code::kInstanceNotFound);
  const bool not_now = is_error(error, Code::kRateLimited);
  switch (act.verb) {
    case Verb::kCreate:
      return is_error(error, Code::kInstanceExists) || not_now;
    case Verb::kApply: {
      const bool expects = act.expected_state != kNoState || act.expected_offset != 0;
      // A key is never sent with other parameters.
      const bool conflict =
          is_error(error, Code::kConflict) && expects && text_of(error["details"], "code").empty();
      return conflict || is_error(error, Code::kInvalidTransition) ||
             is_error(error, Code::kGuardFailed) || not_found || not_now;
    }
    case Verb::kRemove:
      return not_found || not_now;
    case Verb::kRead:
      return not_found;
  }
  return false;
}

bool are_explained(const Operation& operation, json::Value response) {
  const auto is_refused = [](const Act& act, json::Value answer) {
    return may_be_refused(act, answer["error"]);
  };
  if (operation.form == Form::kAlone)
    return is_success(response) || is_refused(operation.acts.front(), response);
  if (!is_success(response)) {
    const json::Value details = response["error"]["details"];
    const uint64_t index = crash::number_of(details, "index", operation.acts.size());
    // The whole of it was not carried out, by reason of none of its acts.
    if (index >= operation.acts.size()) return is_error(response["error"], Code::kRateLimited);
    return operation.form == Form::kAtomic && is_refused(operation.acts[index], response);
  }
  json::Value element = response["result"]["results"].first();
  for (const Act& act : operation.acts) {
    if (!element || (!is_success(element) && !is_refused(act, element))) return false;
    element = element.next();
  }
  return !element;
}

}  // namespace

bool is_explained(const Operation& operation, json::Value response) {
  if (operation.ask == Ask::kActs) return are_explained(operation, response);
  if (is_success(response)) return true;
  // Also what is deleted has a history, so of several pages the first alone can miss it.
  return operation.ask == Ask::kHistory && operation.pages.size() == 1 &&
         is_error(response["error"], Code::kInstanceNotFound);
}

bool is_explained_watch(Ask ask, std::optional<uint64_t> after, json::Value response) {
  // What is deleted can only be watched from an offset.
  if (is_success(response)) return after || !response["result"]["deleted"];
  const json::Value error = response["error"];
  if (is_error(error, Code::kInstanceNotFound)) return ask == Ask::kWatchInstance;
  const json::Value details = error["details"];
  return is_error(error, Code::kNotFound) && text_of(details, "code") == "OFFSET_COMPACTED" &&
         after && crash::number_of(details, "oldest_offset", 0) > *after + 1;
}

bool is_explained_compaction(json::Value response) {
  return is_success(response) || is_error(response["error"], Code::kRateLimited);
}

}  // namespace rstmdb::lin
