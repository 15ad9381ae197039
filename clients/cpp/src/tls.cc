// TLS through memory: bytes from the socket go into one memory BIO, what OpenSSL wants to send is
// taken out of another. So a write takes all it is given, and only ciphertext waits for the peer.
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <mutex>

#include "transport.h"

namespace rstmdb::client {
namespace {

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using Context = std::unique_ptr<SSL_CTX, ContextFree>;
using Ssl = std::unique_ptr<SSL, SslFree>;

constexpr size_t kChunkBytes = 16 * 1024;

std::string openssl_message() {
  std::string text;
  while (const unsigned long code = ERR_get_error()) {
    char line[256];
    ERR_error_string_n(code, line, sizeof line);
    if (!text.empty()) text += "; ";
    text += line;
  }
  return text.empty() ? "TLS failed" : text;
}

bool is_address(const std::string& name) {
  unsigned char bytes[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, name.c_str(), bytes) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

/// Files are named in the error: a wrong path is the usual mistake.
Result<void> load_files(SSL_CTX* context, const TlsOptions& tls) {
  const auto refuse = [](std::string_view what, const std::string& file) {
    return Error(ErrorKind::kArgument, std::string(what) + " " + file + ": " + openssl_message());
  };
  if (!tls.ca_cert.empty()) {
    if (SSL_CTX_load_verify_locations(context, tls.ca_cert.c_str(), nullptr) != 1) {
      return refuse("cannot read the CA certificates", tls.ca_cert);
    }
  } else if (!tls.insecure && SSL_CTX_set_default_verify_paths(context) != 1) {
    return refuse("cannot read the system's CA certificates", "");
  }
  if (tls.client_cert.empty() != tls.client_key.empty()) {
    return Error(ErrorKind::kArgument, "client_cert and client_key go together");
  }
  if (tls.client_cert.empty()) return {};
  if (SSL_CTX_use_certificate_chain_file(context, tls.client_cert.c_str()) != 1) {
    return refuse("cannot read the client certificate", tls.client_cert);
  }
  if (SSL_CTX_use_PrivateKey_file(context, tls.client_key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return refuse("cannot use the client key", tls.client_key);
  }
  return {};
}

Result<Ssl> make_ssl(const Options& options) {
  const TlsOptions& tls = *options.tls;
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) return Error(ErrorKind::kArgument, openssl_message());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), tls.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  auto loaded = load_files(context.get(), tls);
  if (!loaded.ok()) return loaded.error();
  Ssl ssl(SSL_new(context.get()));
  if (!ssl) return Error(ErrorKind::kArgument, openssl_message());
  const std::string& name = tls.server_name.empty() ? options.host : tls.server_name;
  bool named = true;
  if (is_address(name)) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str()) == 1;
  } else {
    named = SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1 &&
            SSL_set1_host(ssl.get(), name.c_str()) == 1;
  }
  if (!named) return Error(ErrorKind::kArgument, "no valid server name: " + name);
  SSL_set_bio(ssl.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl.get());
  return ssl;
}

class TlsTransport : public Transport {
 public:
  TlsTransport(std::unique_ptr<Transport> below, Ssl ssl, const Options& options)
      : below_(std::move(below)), ssl_(std::move(ssl)), where_(options) {}

  int fd() const override { return below_->fd(); }

  bool has_unsent() const override {
    const std::lock_guard lock(mutex_);
    return sent_ < cipher_.size();
  }

  Result<size_t> read(char* to, size_t size) override {
    const std::lock_guard lock(mutex_);
    while (true) {
      ERR_clear_error();
      const int got = SSL_read(ssl_.get(), to, static_cast<int>(std::min(size, kChunkBytes)));
      if (got > 0) return static_cast<size_t>(got);
      const int why = SSL_get_error(ssl_.get(), got);
      if (why == SSL_ERROR_ZERO_RETURN) {
        return connection_error(where_, "closed", "the server closed the connection");
      }
      if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
        return connection_error(where_, "tls", openssl_message());
      }
      auto sent = send_cipher();
      if (!sent.ok()) return sent.error();
      auto fed = feed();
      if (!fed.ok()) return fed.error();
      if (*fed == 0) return size_t{0};
    }
  }

  Result<size_t> write(std::string_view bytes) override {
    const std::lock_guard lock(mutex_);
    auto before = send_cipher();
    if (!before.ok()) return before.error();
    if (bytes.empty() || sent_ < cipher_.size()) return size_t{0};
    // One record at a time, so that a peer that does not read leaves most of the bytes with us.
    size_t taken = 0;
    while (taken < bytes.size() && sent_ == cipher_.size()) {
      const size_t size = std::min(bytes.size() - taken, kChunkBytes);
      ERR_clear_error();
      const int wrote = SSL_write(ssl_.get(), bytes.data() + taken, static_cast<int>(size));
      if (wrote <= 0) {
        return connection_error(where_, "tls", "writing: " + openssl_message());
      }
      taken += static_cast<size_t>(wrote);
      auto sent = send_cipher();
      if (!sent.ok()) return sent.error();
    }
    return taken;
  }

  Result<void> handshake(TimePoint deadline, Waiter& waiter) {
    while (true) {
      short events = POLLIN;
      {
        const std::lock_guard lock(mutex_);
        ERR_clear_error();
        const int done = SSL_do_handshake(ssl_.get());
        const int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), done);
        auto sent = send_cipher();
        if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ) return handshake_error();
        if (!sent.ok()) return sent.error();
        if (sent_ < cipher_.size()) {
          events = POLLOUT;
        } else if (why == SSL_ERROR_NONE) {
          return {};
        } else {
          auto fed = feed();
          if (!fed.ok()) return fed.error();
          if (*fed > 0) continue;
        }
      }
      auto ready = waiter.await(fd(), events, deadline);
      if (!ready.ok()) return ready.error();
    }
  }

 private:
  Error handshake_error() const {
    const long verdict = SSL_get_verify_result(ssl_.get());
    if (verdict != X509_V_OK) {
      return connection_error(
          where_, "certificate",
          std::string("the server's certificate: ") + X509_verify_cert_error_string(verdict));
    }
    return connection_error(where_, "tls", "TLS handshake: " + openssl_message());
  }

  /// Bytes moved from the socket into OpenSSL.
  Result<size_t> feed() {
    char bytes[kChunkBytes];
    auto got = below_->read(bytes, sizeof bytes);
    if (got.ok() && *got > 0) BIO_write(SSL_get_rbio(ssl_.get()), bytes, static_cast<int>(*got));
    return got;
  }

  /// Sends what OpenSSL has made, as far as the socket takes it.
  Result<void> send_cipher() {
    BIO* const made = SSL_get_wbio(ssl_.get());
    if (const size_t size = BIO_ctrl_pending(made); size > 0) {
      const size_t old = cipher_.size();
      cipher_.resize(old + size);
      BIO_read(made, cipher_.data() + old, static_cast<int>(size));
    }
    while (sent_ < cipher_.size()) {
      auto sent = below_->write(std::string_view(cipher_).substr(sent_));
      if (!sent.ok()) return sent.error();
      if (*sent == 0) return {};
      sent_ += *sent;
    }
    cipher_.clear();
    sent_ = 0;
    return {};
  }

  mutable std::mutex mutex_;  // guards everything below
  std::unique_ptr<Transport> below_;
  Ssl ssl_;
  Options where_;
  std::string cipher_;  // ready for the socket; the first sent_ bytes are out
  size_t sent_ = 0;
};

}  // namespace

Result<std::unique_ptr<Transport>> start_tls(std::unique_ptr<Transport> below,
                                             const Options& options, TimePoint deadline,
                                             Waiter& waiter) {
  auto ssl = make_ssl(options);
  if (!ssl.ok()) return ssl.error();
  auto transport =
      std::make_unique<TlsTransport>(std::move(below), std::move(ssl).value(), options);
  auto done = transport->handshake(deadline, waiter);
  if (!done.ok()) return done.error();
  return std::unique_ptr<Transport>(std::move(transport));
}

}  // namespace rstmdb::client
