#include "fake_server.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "json/document.h"
#include "json/writer.h"

namespace rstmdb::client::fake {
namespace {

constexpr size_t kFrameMax = 64 * 1024 * 1024;
constexpr auto kPatience = std::chrono::seconds(10);

void require(bool condition, const char* what) {
  if (condition) return;
  std::perror(what);
  std::abort();
}

std::string text_of(json::Value value) {
  return std::string(value.is_string() ? value.string() : std::string_view());
}

}  // namespace

// ---- Peer ---------------------------------------------------------------------------------------

Peer::Peer(int socket, SSL* ssl, size_t number) : socket_(socket), ssl_(ssl), number_(number) {}

Peer::~Peer() {
  if (ssl_ != nullptr) SSL_free(ssl_);
  ::close(socket_);
}

void Peer::answer(const std::string& id, const std::string& result) {
  std::string message;
  json::Writer(message)
      .open_object()
      .member("type", "response")
      .member("id", std::string_view(id))
      .member("status", "ok")
      .member("result", json::RawJson{result})
      .close_object();
  send_message(message);
}

void Peer::refuse(const std::string& id, const std::string& code, const std::string& message,
                  const std::string& details) {
  std::string out;
  json::Writer writer(out);
  writer.open_object()
      .member("type", "response")
      .member("id", std::string_view(id))
      .member("status", "error")
      .key("error")
      .open_object()
      .member("code", std::string_view(code))
      .member("message", std::string_view(message))
      .member("retryable", code == "RATE_LIMITED" || code == "WAL_IO_ERROR");
  if (!details.empty()) writer.member("details", json::RawJson{details});
  writer.close_object().close_object();
  send_message(out);
}

std::string Peer::frame(const std::string& payload) {
  std::string out;
  const size_t start = wire::begin_frame(out, dialect_);
  out += payload;
  wire::end_frame(out, dialect_, start);
  return out;
}

void Peer::send_message(const std::string& payload) { send_bytes(frame(payload)); }

void Peer::send_bytes(const std::string& bytes) {
  const std::lock_guard lock(write_mutex_);
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t sent = ssl_ != nullptr ? SSL_write(ssl_, rest.data(), int(rest.size()))
                                         : ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) return;  // the client is gone: the script goes on
    rest.remove_prefix(static_cast<size_t>(sent));
  }
}

void Peer::cut() { ::shutdown(socket_, SHUT_RDWR); }

long Peer::read(char* to, size_t size) {
  return ssl_ != nullptr ? SSL_read(ssl_, to, int(size)) : ::recv(socket_, to, size, 0);
}

// ---- FakeServer ---------------------------------------------------------------------------------

FakeServer::FakeServer() {
  ::signal(SIGPIPE, SIG_IGN);  // SSL_write to a client that is gone
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  require(listener_ >= 0, "socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0, "bind");
  require(::listen(listener_, 64) == 0, "listen");
  socklen_t size = sizeof address;
  require(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0, "name");
  port_ = ntohs(address.sin_port);
  on("HELLO", [](Peer& peer, const Received& r) {
    peer.answer(r.id, R"({"protocol_version":1,"wire_mode":"binary_json","server_name":"rstmdb",)"
                      R"("server_version":"0","features":["idempotency","batch"]})");
  });
  always("AUTH", R"({"authenticated":true})");
  always("PING", R"({"pong":true})");
  acceptor_ = std::thread([this] { accept_loop(); });
}

FakeServer::FakeServer(const Tls& tls) : FakeServer() {
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  require(SSL_CTX_use_certificate_chain_file(context, tls.cert.c_str()) == 1, "cert");
  require(SSL_CTX_use_PrivateKey_file(context, tls.key.c_str(), SSL_FILETYPE_PEM) == 1, "key");
  if (!tls.client_ca.empty()) {
    require(SSL_CTX_load_verify_locations(context, tls.client_ca.c_str(), nullptr) == 1, "ca");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }
  const std::lock_guard lock(mutex_);
  context_ = context;
}

FakeServer::~FakeServer() {
  stop_listening();
  cut_all();
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
  if (context_ != nullptr) SSL_CTX_free(context_);
}

void FakeServer::on(const std::string& op, Script script) {
  const std::lock_guard lock(mutex_);
  scripts_[op] = std::move(script);
}

void FakeServer::always(const std::string& op, const std::string& result) {
  on(op, [result](Peer& peer, const Received& r) { peer.answer(r.id, result); });
}

void FakeServer::on_connect(std::function<bool(Peer&)> script) {
  const std::lock_guard lock(mutex_);
  connect_script_ = std::move(script);
}

std::vector<Received> FakeServer::received() const {
  const std::lock_guard lock(mutex_);
  return received_;
}

std::vector<Received> FakeServer::received(const std::string& op) const {
  std::vector<Received> some;
  for (Received& one : received()) {
    if (one.op == op) some.push_back(std::move(one));
  }
  return some;
}

bool FakeServer::wait_for(const std::string& op, size_t count) const {
  std::unique_lock lock(mutex_);
  return came_.wait_for(lock, kPatience, [&] {
    size_t found = 0;
    for (const Received& one : received_) found += one.op == op ? 1 : 0;
    return found >= count;
  });
}

bool FakeServer::wait_for_open(size_t count) const {
  std::unique_lock lock(mutex_);
  return came_.wait_for(lock, kPatience, [&] { return open_ == count; });
}

size_t FakeServer::connections() const {
  const std::lock_guard lock(mutex_);
  return peers_.size();
}

void FakeServer::stop_listening() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ::shutdown(listener_, SHUT_RDWR);
  if (!acceptor_.joinable()) return;
  acceptor_.join();
  ::close(listener_);
}

void FakeServer::cut_all() {
  const std::lock_guard lock(mutex_);
  for (const PeerPtr& peer : peers_) peer->cut();
}

void FakeServer::accept_loop() {
  while (true) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::lock_guard lock(mutex_);
    if (stopping_) {
      ::close(socket);
      return;
    }
    SSL* ssl = nullptr;
    if (context_ != nullptr) {
      ssl = SSL_new(context_);
      SSL_set_fd(ssl, socket);
    }
    auto peer = std::make_shared<Peer>(socket, ssl, peers_.size() + 1);
    peers_.push_back(peer);
    ++open_;
    threads_.emplace_back([this, peer] {
      serve(peer);
      const std::lock_guard ended(mutex_);
      --open_;
      came_.notify_all();
    });
  }
}

void FakeServer::serve(const PeerPtr& peer) {
  if (peer->ssl_ != nullptr && SSL_accept(peer->ssl_) != 1) {
    peer->cut();
    return;
  }
  std::function<bool(Peer&)> connected;
  {
    const std::lock_guard lock(mutex_);
    connected = connect_script_;
  }
  if (connected && !connected(*peer)) {
    peer->cut();
    return;
  }
  wire::FrameReader frames(kFrameMax);
  std::string input;
  char chunk[64 * 1024];
  while (true) {
    const long got = peer->read(chunk, sizeof chunk);
    if (got <= 0) break;
    input.append(chunk, static_cast<size_t>(got));
    while (true) {
      const auto frame = frames.next(input);
      require(frame.ok(), "the client sent a bad frame");
      if (!*frame) break;
      peer->dialect_ = *frames.dialect();
      const std::string payload((*frame)->payload);
      input.erase(0, (*frame)->size);
      if (!payload.empty()) take(*peer, payload);
    }
  }
  peer->cut();
}

void FakeServer::take(Peer& peer, std::string_view payload) {
  json::Document document;
  require(document.parse(payload).ok(), "the client sent bad JSON");
  const json::Value root = document.root();
  const json::Value params = root["params"];
  Received received{peer.number_, text_of(root["id"]), text_of(root["op"]),
                    std::string(params ? params.text() : std::string_view()), std::string(payload)};
  Script script;
  {
    const std::lock_guard lock(mutex_);
    received_.push_back(received);
    const auto found = scripts_.find(received.op);
    if (found != scripts_.end()) script = found->second;
    came_.notify_all();
  }
  if (script) {
    script(peer, received);
  } else {
    peer.refuse(received.id, "BAD_REQUEST", "the test has no script for " + received.op);
  }
}

}  // namespace rstmdb::client::fake
