#include "linearizability/examination.h"

#include "linearizability/log_checker.h"
#include "linearizability/stream_checker.h"
#include "linearizability/timeline.h"

namespace rstmdb::lin {

Examined examine(const History& history) {
  Examined examined;
  const Timeline timeline(history, examined.findings);
  check_against_log(history, timeline, examined.findings);
  check_streams(history, timeline, examined.findings);
  examined.search = check_instances(history, timeline, examined.findings);
  return examined;
}

}  // namespace rstmdb::lin
