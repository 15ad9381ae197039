// What a server shows and asks for in a TLS handshake: its certificate and key, and whose client
// certificates it takes. TLS 1.2 and 1.3 with ECDHE and authenticated encryption only; no
// renegotiation, compression, early data or resumption, so that a certificate that has been revoked
// is never let in on the strength of an earlier handshake.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

struct ssl_ctx_st;
struct stack_st_X509;
struct x509_st;

namespace rstmdb::io {

class TlsContext {
 public:
  enum class ClientCertificate : uint8_t { kOptional, kRequired };
  struct Options {
    std::string cert_path;             // PEM: the server's certificate, then what leads to its root
    std::string key_path;              // PEM, not encrypted, readable by its owner alone
    std::string client_ca_path = {};   // PEM; "" = clients are not asked for a certificate
    std::string client_crl_path = {};  // PEM: a CRL of every CA; "" = none is revoked
    ClientCertificate client_certificate = ClientCertificate::kOptional;
  };

  /// Reads and checks the files. Fails with kBadRequest; details: file, and key (the setting).
  static Result<TlsContext> load(const Options& options);

  ~TlsContext();
  TlsContext(TlsContext&&) noexcept;
  TlsContext& operator=(TlsContext&&) noexcept;

  /// Until when the server's certificate is valid, Unix time.
  int64_t expires_ms() const { return expires_ms_; }

  /// Whether a client's certificate, with the chain that came along, would be accepted now.
  bool accepts(x509_st* certificate, stack_st_X509* chain) const;

  /// For the files of this folder.
  ssl_ctx_st* native() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  TlsContext();
  std::unique_ptr<ssl_ctx_st, Free> context_;
  int64_t expires_ms_ = 0;
};

/// Everything that OpenSSL has to say on this thread about what went wrong, and forgets it.
std::string take_tls_errors();

}  // namespace rstmdb::io
