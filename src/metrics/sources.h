// What each part of the server counts, as metrics: one function a part, from its plain numbers to
// names that dashboards read. Every metric is in docs/running.md; a test compares that page with a
// real scrape. Each costs the same however many instances there are.
#pragma once

#include "api/guess_limits.h"
#include "engine/state.h"
#include "http/door.h"
#include "http/gateway_stats.h"
#include "io/process.h"
#include "io/tls_net.h"
#include "log/log.h"
#include "metrics/text.h"
#include "node/compaction.h"
#include "node/disk_reserve.h"
#include "node/memory_bound.h"
#include "node/restore.h"
#include "server/stats.h"
#include "watch/hub.h"

namespace rstmdb::metrics {

struct NodeFacts {
  bool log_failed = false;
  const Histogram& recovery_ns;  // the one start of this process
};

void add_server(Text& text, const server::Stats& stats);
void add_log(Text& text, const log::Log& log);
void add_state(Text& text, const engine::State& state);
void add_node(Text& text, const NodeFacts& facts);
void add_disk(Text& text, const node::DiskReserve::Stats& stats);
void add_memory(Text& text, const node::MemoryBound::Stats& stats);
void add_snapshots(Text& text, const node::CompactionStats& stats, const node::StartStats& start);
void add_watch(Text& text, const watch::Stats& stats);
void add_access(Text& text, const api::GuessLimits::Stats& guesses, const io::TlsNet::Stats& tls);
void add_gateway(Text& text, const http::GatewayStats& stats);
void add_http(Text& text, const http::Door::Stats& stats);
void add_process(Text& text, const io::ProcessUsage& usage);

}  // namespace rstmdb::metrics
