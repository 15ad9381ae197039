// A server of one test: it speaks frames over loopback and does what the test's script says, also
// what no real server does (answers in the wrong order, half frames, wrong checksums, silence).
//
//   FakeServer server;
//   server.on("PING", [](Peer& peer, const Received& r) { peer.answer(r.id, R"({"pong":true})");
//   });
//
// HELLO, AUTH and PING are answered by themselves unless scripted. A script runs on the thread of
// its connection; it may keep the Peer and answer later from any thread (not with TLS).
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "wire/frame.h"

namespace rstmdb::client::fake {

struct Received {
  size_t connection = 0;  // 1 is the first
  std::string id;
  std::string op;
  std::string params;   // JSON text; "" when there are none
  std::string payload;  // the whole message
};

/// One accepted connection.
class Peer : public std::enable_shared_from_this<Peer> {
 public:
  Peer(int socket, SSL* ssl, size_t number);
  ~Peer();

  void answer(const std::string& id, const std::string& result);
  void refuse(const std::string& id, const std::string& code, const std::string& message,
              const std::string& details = "");
  /// Any message, framed.
  void send_message(const std::string& payload);
  /// The bytes of a framed message, for tests that break them.
  std::string frame(const std::string& payload);
  void send_bytes(const std::string& bytes);
  /// Closes the connection, at once for both sides.
  void cut();
  /// Bytes waiting to be read by nobody: fills up until the client stops. See FakeServer::pause.
  size_t number() const { return number_; }

 private:
  friend class FakeServer;
  long read(char* to, size_t size);
  const int socket_;
  SSL* const ssl_;
  const size_t number_;
  std::atomic<wire::Dialect> dialect_ = wire::Dialect::kRcpx;
  std::mutex write_mutex_;
};
using PeerPtr = std::shared_ptr<Peer>;

class FakeServer {
 public:
  using Script = std::function<void(Peer&, const Received&)>;
  struct Tls {
    std::string cert;
    std::string key;
    std::string client_ca;  // "" = no client certificate asked for
  };

  FakeServer();
  explicit FakeServer(const Tls& tls);
  ~FakeServer();

  uint16_t port() const { return port_; }

  /// What to do with requests of `op` from now on.
  void on(const std::string& op, Script script);
  /// Answers `op` with `result`, always.
  void always(const std::string& op, const std::string& result);
  /// Called for every new connection before it is read; false = close it.
  void on_connect(std::function<bool(Peer&)> script);

  /// All requests so far, HELLO and AUTH included.
  std::vector<Received> received() const;
  /// Those of one operation.
  std::vector<Received> received(const std::string& op) const;
  /// Waits until `count` requests of `op` have come; false after ten seconds.
  bool wait_for(const std::string& op, size_t count) const;
  size_t connections() const;
  /// Waits until `count` connections are open; false after ten seconds.
  bool wait_for_open(size_t count) const;
  /// Stops listening; connections that are open stay so.
  void stop_listening();
  /// Cuts every open connection.
  void cut_all();

 private:
  void accept_loop();
  void serve(const PeerPtr& peer);
  void take(Peer& peer, std::string_view payload);

  int listener_ = -1;
  uint16_t port_ = 0;
  SSL_CTX* context_ = nullptr;
  std::thread acceptor_;

  mutable std::mutex mutex_;  // guards everything below
  mutable std::condition_variable came_;
  bool stopping_ = false;
  size_t open_ = 0;
  std::map<std::string, Script> scripts_;
  std::function<bool(Peer&)> connect_script_;
  std::vector<Received> received_;
  std::vector<PeerPtr> peers_;
  std::vector<std::thread> threads_;
};

}  // namespace rstmdb::client::fake
