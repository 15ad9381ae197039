// What the server can be told before it starts, and where each value came from.
//
// Sources, the later winning: defaults, the YAML file, environment variables. Reading fails closed:
// an unknown key, a value of the wrong type or out of bounds, a key given twice, or settings that
// contradict each other refuse the start, and the error names the key and its place. The table of
// keys is config/keys.h; docs/configuration.md describes each.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/credential_entry.h"
#include "base/limits.h"
#include "base/logging.h"
#include "base/result.h"

namespace rstmdb::config {

/// When an acknowledged write is on disk.
struct FsyncPolicy {
  enum class Kind : uint8_t { kEveryWrite, kNever, kEveryN, kEveryMs };
  Kind kind = Kind::kEveryWrite;
  uint64_t amount = 0;  // writes for kEveryN, milliseconds for kEveryMs
  bool operator==(const FsyncPolicy&) const = default;
};

/// What becomes of the server when its log has stopped after an I/O error.
enum class OnLogFailure : uint8_t {
  kServeReads,  // it refuses writes and shows what is committed until somebody stops it
  kExit,        // it answers what waits and ends, with a failure
};

struct Config {
  struct Network {
    std::string bind_addr = "127.0.0.1:7401";
    uint64_t idle_timeout_secs = limits::kIdleTimeoutMsDefault / 1000;
    uint64_t max_connections = limits::kConnectionsMaxDefault;
  } network;
  struct Storage {
    std::string data_dir = "./data";
    uint64_t wal_segment_size_mb = limits::kSegmentBytesDefault / (1024 * 1024);
    FsyncPolicy fsync_policy;
    uint64_t min_free_mb = limits::kDiskReserveBytesDefault / (1024 * 1024);
    uint64_t max_memory_mb = 0;  // 0: limits::kMemoryTenthsDefault of what the process may have
    OnLogFailure on_log_failure = OnLogFailure::kServeReads;
    uint64_t max_machine_versions = limits::kMachineVersionsMaxDefault;
    uint64_t idempotency_ttl_secs = limits::kIdempotencyTtlMsDefault / 1000;
    uint64_t idempotency_keys_max = limits::kIdempotencyKeysMaxDefault;
    bool allow_flush_all = false;
  } storage;
  struct Auth {
    bool required = false;
    /// After load() with those of secrets_file. No two have the same digest or name.
    std::vector<TokenEntry> tokens;
    std::string secrets_file;
    /// Client certificates that stand for an AUTH. No two have the same subject.
    std::vector<CertificateEntry> certificates;
  } auth;
  struct Tls {
    bool enabled = false;
    std::string cert_path;
    std::string key_path;
    bool require_client_cert = false;
    std::string client_ca_path;
    std::string client_crl_path;
  } tls;
  struct Compaction {
    bool enabled = true;
    uint64_t events_threshold = 10'000;
    uint64_t size_threshold_mb = 100;
    uint64_t min_interval_secs = 60;
  } compaction;
  struct Metrics {
    bool enabled = false;
    std::string bind_addr = "127.0.0.1:9090";
  } metrics;
  /// The gateway: the operations, and the console, over HTTP.
  struct Http {
    bool enabled = true;
    std::string bind_addr = "127.0.0.1:8080";
    bool console = true;
    /// Whether somebody has set the address: one that nobody chose may be taken by somebody else,
    /// and a database does not stay away for that.
    bool address_chosen = false;
  } http;
  struct Logging {
    Level level = Level::kInfo;
    LogFormat format = LogFormat::kAuto;
  } logging;
};

using Environment = std::map<std::string, std::string, std::less<>>;

struct Sources {
  /// The file; without it the one that RSTMDB_CONFIG names, and without that none is read.
  std::optional<std::string> path;
  Environment environment;
};

/// One key's value and origin, for showing.
struct Setting {
  std::string key;     // "network.bind_addr"
  std::string value;   // as one would write it; of token hashes only their number
  std::string origin;  // "default", "rstmdb.yaml:3" or "RSTMDB_BIND"
};

struct Loaded {
  Config config;
  std::vector<Setting> settings;      // every key, in the order of the table
  std::vector<std::string> warnings;  // sentences: accepted, but not what one may expect
};

/// Reads file, environment and secrets file and checks them. Fails with kBadRequest; details: key
/// (or variable), and for what stands in a file: file, line, column (from 1; 0 for the whole file).
Result<Loaded> load(const Sources& sources);

/// The part of load() that touches no file: `text` is the file's content, `file` its name for
/// messages.
Result<Loaded> read_settings(std::string_view text, std::string_view file,
                             const Environment& environment);

/// What a running server takes over from its settings read anew.
struct Reloaded {
  Config config;                          // the running one with every reloadable key as it is now
  std::vector<std::string> need_restart;  // keys that differ and are not taken over
  std::vector<std::string> warnings;
};

/// Reads the sources again for a server that runs with `running`. Fails as load() does, also when
/// what would be taken over contradicts what stays; then nothing is to be changed.
Result<Reloaded> reload(const Config& running, const Sources& sources);

/// As it is written in the environment: "every_write", "never", "every_n:100" or "every_ms:10".
std::string to_text(const FsyncPolicy& policy);

}  // namespace rstmdb::config
