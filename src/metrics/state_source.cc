#include "metrics/sources.h"

namespace rstmdb::metrics {
namespace {

constexpr double kNsPerSecond = 1e9;

}  // namespace

void add_state(Text& text, const engine::State& state) {
  text.gauge("rstmdb_instances_total", "Instances that are not deleted.", state.live().count());
  text.gauge("rstmdb_machines_total", "Machines, each counted once.",
             uint64_t{state.machines().by_name().size()});
  text.gauge("rstmdb_machine_versions", "Versions of all machines.",
             uint64_t{state.machines().definition_count()});
  text.gauge("rstmdb_idempotency_keys", "Idempotency keys that are remembered.",
             uint64_t{state.keys().count()});
  text.gauge("rstmdb_idempotency_bytes", "Memory for them and for the answers kept with them.",
             uint64_t{state.keys().bytes()});
}

void add_node(Text& text, const NodeFacts& facts) {
  text.gauge("rstmdb_log_failed", "1 when the log has stopped: nothing is written until a restart.",
             uint64_t{facts.log_failed});
  text.family("rstmdb_recovery_duration_seconds", Text::Kind::kHistogram,
              "Time that the start took to read what is on disk; one value in a process.")
      .samples(facts.recovery_ns, kNsPerSecond);
}

}  // namespace rstmdb::metrics
