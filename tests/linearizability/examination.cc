#include "linearizability/examination.h"

#include <string>

#include "linearizability/history_checker.h"
#include "linearizability/log_checker.h"
#include "linearizability/stream_checker.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

namespace {

void check_surprises(const History& history, Findings& findings) {
  for (const Operation& operation : history.operations) {
    findings.check(Rule::kUnexpectedError, operation.ask != Ask::kActs || !operation.acts.empty(),
                   [] { return std::string("an operation that asks nothing"); });
  }
  for (const Surprise& surprise : history.surprises) {
    findings.violate(Rule::kUnexpectedError, "client " + std::to_string(surprise.client) + " at " +
                                                 std::to_string(surprise.at) + " asked " +
                                                 surprise.asked + " and got " + surprise.answer);
  }
}

}  // namespace

Examined examine(const History& history) {
  Examined examined;
  const Timeline timeline(history, examined.findings);
  check_against_log(history, timeline, examined.findings);
  check_histories(history, timeline, examined.findings);
  check_surprises(history, examined.findings);
  check_streams(history, timeline, examined.findings);
  examined.search = check_instances(history, timeline, examined.findings);
  return examined;
}

}  // namespace rstmdb::lin
