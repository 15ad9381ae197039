// What the tests of TLS stand on: throw-away certificates, and clients that speak TLS over any
// other client's end.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "io/net_bench.h"
#include "io/tls_context.h"

struct ssl_st;
struct ssl_ctx_st;

namespace rstmdb::io {

/// A folder with a CA, a server's certificate for localhost, a client's ("CN=client,O=test"), and
/// one of a CA that nobody trusts ("stranger"); PEM, gone with the object.
class TlsFiles {
 public:
  TlsFiles();
  ~TlsFiles();
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles& operator=(const TlsFiles&) = delete;

  std::string path(const std::string& name) const { return folder_ / name; }
  TlsContext::Options server() const {
    return {.cert_path = path("server.pem"), .key_path = path("server.key")};
  }
  TlsContext::Options asking(TlsContext::ClientCertificate how) const {
    TlsContext::Options options = server();
    options.client_ca_path = path("ca.pem");
    options.client_certificate = how;
    return options;
  }

 private:
  std::filesystem::path folder_;
};

/// The files, made once for the whole program.
const TlsFiles& tls_files();

/// A client's end that speaks TLS over another client's end. pump() moves bytes.
class TlsPeer final : public SimulatedPeer {
 public:
  struct Options {
    std::string certificate = {};  // name of a pair in tls_files(): "client"; "" for none
    int version = 0;               // 0x0303 or 0x0304; 0: as they agree
  };
  TlsPeer(SimulatedPeer& below, Options options);
  ~TlsPeer() override;

  void send(std::string_view bytes) override;
  size_t unsent() const override;
  std::string& received() override { return received_; }
  void pause() override { below_.pause(); }
  void resume() override { below_.resume(); }
  void finish() override;
  void close() override;
  void reset() override;
  bool ended() const override { return ended_; }
  bool was_reset() const override { return below_.was_reset(); }

  void pump();
  bool shaken() const { return shaken_; }
  /// OpenSSL has refused to go on.
  bool failed() const { return failed_; }
  ssl_st* ssl() { return ssl_; }
  SimulatedPeer& below() { return below_; }

 private:
  void send_cipher();
  SimulatedPeer& below_;
  ssl_ctx_st* context_;
  ssl_st* ssl_;
  std::string unsent_;
  std::string received_;
  bool shaken_ = false;
  bool failed_ = false;
  bool finishing_ = false;
  bool closing_ = false;
  bool ended_ = false;
};

/// A bench of TLS over another one; its clients have shaken hands when they are given out.
std::unique_ptr<Bench> tls_over(std::unique_ptr<Bench> below);

}  // namespace rstmdb::io
