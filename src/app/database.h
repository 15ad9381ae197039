// Assembly: from a configuration to a running server. No rules live here, only who is given what.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/context.h"
#include "app/disk_watch.h"
#include "app/memory_watch.h"
#include "app/monitoring.h"
#include "base/histogram.h"
#include "config/config.h"
#include "http/gateway.h"
#include "io/clock.h"
#include "io/executor.h"
#include "io/file_system.h"
#include "io/memory.h"
#include "io/net.h"
#include "io/random.h"
#include "io/tls_net.h"
#include "log/segment_log.h"
#include "node/compaction.h"
#include "node/node.h"
#include "node/restore.h"
#include "server/server.h"
#include "snapshot/folder.h"

namespace rstmdb::app {

/// The world that a database runs in: the system's in production, simulated in tests.
struct World {
  io::Loop& loop;
  io::Worker& worker;      // for what the log waits for
  io::Worker& handshakes;  // of TLS
  io::Worker& background;  // for everything else that takes its time with files
  io::Net& net;
  io::FileSystem& files;
  io::Clock& clock;
  io::Random& random;
  io::Memory* memory = nullptr;          // of the process; null: it has no bound
  io::Ahead ahead = io::Ahead::kInline;  // where a start reads what it builds the state of
};

class Database {
 public:
  /// Told how far a start is that may take long: "recovering: 5 of 10 records".
  using OnStep = std::function<void(const std::string&)>;

  /// Recovers the data folder and starts to serve. What recovery finds and how far it is goes to
  /// the log lines.
  /// `on_ending` runs on the loop when the log has stopped and the settings say that the server
  /// ends then: the caller stops it and reports a failure.
  static Result<std::unique_ptr<Database>> open(
      World world, const config::Config& config, std::function<void()> on_ending = {},
      OnStep on_step = [](const std::string&) {});
  ~Database();

  const std::string& address() const { return server_->address(); }
  /// Where HTTP is served; "" when it is not.
  std::string http_address() const { return gateway_ ? gateway_->address() : ""; }
  node::Node& node() { return *node_; }
  /// Its metrics and whether it is ready, also when nothing is served over HTTP.
  Monitoring& monitoring() { return *monitoring_; }
  node::Compaction& compaction() { return *compaction_; }
  /// How the start came to its state.
  const node::StartStats& start_stats() const { return start_stats_; }

  /// Takes over what may change while the server runs: who may come in, and certificates. Of
  /// `config` only the reloadable keys are looked at. Fails without having changed anything.
  Result<void> reload(const config::Config& config);

  /// Answers what has been asked, syncs, writes the mark of a clean end, and calls `done` with the
  /// outcome.
  void stop(std::move_only_function<void(Result<void>)> done);

 private:
  Database(World world, const config::Config& config, std::function<void()> on_ending,
           OnStep on_step);
  Result<void> open_tls(const config::Config& config);
  Result<void> open_log(const config::Config& config);
  Result<node::Restored> restore();
  Result<void> open_node(const config::Config& config);
  Result<void> listen(const config::Config& config);
  Result<void> open_gateway(const config::Config& config);
  Result<void> open_monitoring(const config::Config& config);
  void on_log_stopped(const Error& error);
  void watch_disk(const config::Config& config);
  void watch_memory();

  World world_;
  std::function<void()> on_ending_;
  OnStep on_step_;
  Histogram recovery_ns_{kLongTimeBoundsNs};  // from the start to the end of recovery: one value
  bool stopping_ = false;
  const snapshot::Folder snapshots_;
  node::StartStats start_stats_;
  api::ServerFacts facts_;
  std::unique_ptr<log::SegmentLog> log_;
  std::unique_ptr<node::Node> node_;
  std::optional<DiskWatch> disk_;
  std::optional<MemoryWatch> memory_;
  std::unique_ptr<node::Compaction> compaction_;
  std::unique_ptr<io::TlsNet> tls_;  // null: connections are not encrypted
  std::unique_ptr<server::Server> server_;
  std::unique_ptr<Monitoring> monitoring_;  // it looks at all the others
  std::unique_ptr<http::Gateway> gateway_;  // null: not served. It shows pages of monitoring
  // Gone before any of them; shared only to be asked whether it is.
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace rstmdb::app
