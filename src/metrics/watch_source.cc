#include "metrics/sources.h"

namespace rstmdb::metrics {

void add_watch(Text& text, const watch::Stats& stats) {
  using Kind = Text::Kind;
  text.family("rstmdb_subscriptions_active", Kind::kGauge,
              "Subscriptions, by what they watch: one instance, or all.")
      .sample({"type", "instance"}, stats.instance_active)
      .sample({"type", "all"}, stats.all_active);
  text.family("rstmdb_events_forwarded_total", Kind::kCounter, "Notifications given to watchers.")
      .sample({"type", "instance"}, stats.instance_delivered)
      .sample({"type", "all"}, stats.all_delivered);
  text.gauge("rstmdb_subscriptions_lagging",
             "Subscriptions that do not keep up and are served from the log.", stats.behind);
  text.gauge("rstmdb_subscriptions_lag_records",
             "Committed records that the subscription furthest behind has not seen.",
             stats.largest_lag);
  text.counter("rstmdb_subscriptions_fell_behind_total",
               "How often a watcher's connection had no room for a notification.",
               stats.fell_behind);
  text.gauge("rstmdb_subscriptions_pending_bytes", "Notifications that wait to be sent.",
             stats.pending_bytes);
  text.gauge("rstmdb_subscriptions_cursors", "Places in the log that watchers read from.",
             stats.cursors);
  text.counter("rstmdb_watch_lookups_total", "Searches of the filters' index.", stats.lookups);
  text.counter("rstmdb_watch_candidates_total",
               "Filters that were looked at to find who wants a change.", stats.candidates);
}

}  // namespace rstmdb::metrics
