// How a Client connects and behaves. Every field has a default, so that
// `Client::connect({.host = "db", .token = token})` says all that differs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace rstmdb::client {

/// Form of the messages on the wire. Both carry the same requests; kJsonl is the one to read along.
enum class Wire : uint8_t { kBinary, kJsonl };

/// TLS 1.2 or newer. All files are PEM.
struct TlsOptions {
  /// Certificates to trust; "" = those of the system.
  std::string ca_cert = {};
  /// The client's own certificate chain and key, for servers that ask for one.
  std::string client_cert = {};
  std::string client_key = {};
  /// Name that the server's certificate must carry; "" = Options::host.
  std::string server_name = {};
  /// Accept any certificate: encrypted, but open to whoever sits in between.
  bool insecure = false;
};

/// What happens when the connection is lost. The wait before attempt n is
/// min(max_delay, initial_delay * 2^(n-1)), less a random part of up to `jitter` of it.
struct ReconnectOptions {
  bool enabled = true;
  std::chrono::milliseconds initial_delay{50};
  std::chrono::milliseconds max_delay{5'000};
  double jitter = 0.5;
  /// Attempts after one loss until the waiting calls fail; the next call starts again. Of a
  /// subscription, one whose WATCH is refused or not answered has failed too.
  /// 0 = no end, each call being bounded by its own timeout.
  unsigned attempts = 0;
};

/// What a trace hook is shown.
enum class TraceEvent : uint8_t { kSent, kReceived, kConnected, kLost };

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 7401;
  /// Bearer token; "" = do not authenticate.
  std::string token = {};
  std::string client_name = "rstmdb-cpp";
  /// For name look-up, TCP, TLS and HELLO together; the look-up itself cannot be interrupted.
  std::chrono::milliseconds connect_timeout{5'000};
  /// From the call to its answer, reconnecting and repeating included.
  std::chrono::milliseconds request_timeout{30'000};
  ReconnectOptions reconnect = {};
  Wire wire = Wire::kBinary;
  /// Connections. Calls on one instance use the same one, so their order is kept.
  unsigned pool_size = 1;
  /// Calls that may wait for a connection, per connection of the pool; more fail at once.
  size_t offline_queue_max = 10'000;
  /// Give every write that has none an idempotency key, so that it can be repeated safely.
  bool auto_idempotency_keys = true;
  /// Set = TLS.
  std::optional<TlsOptions> tls = {};
  /// Called with every message (JSON text) and with connects and losses (a sentence), on the
  /// library's own threads or the caller's, never two at a time for one connection's direction.
  /// Sees the token: for debugging only.
  std::function<void(TraceEvent, std::string_view)> trace = {};
};

/// What one call may have of its own.
struct CallOptions {
  /// 0 = Options::request_timeout.
  std::chrono::milliseconds timeout{0};
  /// A stop request makes the call fail with kCancelled at once. What has been sent stays sent.
  std::stop_token stop = {};
};

}  // namespace rstmdb::client
