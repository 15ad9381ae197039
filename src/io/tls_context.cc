#include "io/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

#include <array>
#include <ctime>

#include "base/check.h"
#include "base/limits.h"
#include "io/small_file.h"
#include "io/tls_time.h"

namespace rstmdb::io {
namespace {

constexpr int kSecurityLevel = 2;  // 112 bits: RSA from 2,048, EC from 224, no SHA-1
constexpr const char* kSuites12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kSuites13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
constexpr const char* kSignatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:RSA-PSS+SHA256:RSA-PSS+SHA384:RSA-PSS+SHA512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Crl = std::unique_ptr<X509_CRL, Free<X509_CRL_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>>;

/// A file of a setting, for reading and for refusals.
struct File {
  std::string_view key;
  const std::string& path;

  Error refused(const std::string& what) const {
    return Error(Code::kBadRequest, std::string(key) + ": " + path + ": " + what)
        .with("key", key)
        .with("file", path);
  }
  Result<std::string> read(Readers readers) const {
    auto content = read_small_file(path, limits::kTlsFileBytesMax, readers);
    if (!content.ok())
      return Error(Code::kBadRequest, std::string(key) + ": " + content.error().message())
          .with("key", key)
          .with("file", path);
    return content;
  }
};

/// Nobody is asked for the password of an encrypted key.
int no_password(char*, int, int, void*) { return -1; }

Bio memory_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Every certificate of the file; at least one.
Result<std::vector<Certificate>> read_certificates(const File& file) {
  RSTMDB_ASSIGN(const std::string text, file.read(Readers::kAnyone));
  const Bio memory = memory_of(text);
  std::vector<Certificate> all;
  while (X509* next = PEM_read_bio_X509(memory.get(), nullptr, no_password, nullptr))
    all.emplace_back(next);
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!ended) return file.refused("a certificate in it cannot be read: " + take_tls_errors());
  ERR_clear_error();
  if (all.empty()) return file.refused("holds no certificate in PEM");
  return all;
}

Result<PrivateKey> read_key(const File& file) {
  RSTMDB_ASSIGN(std::string text, file.read(Readers::kOwnerOnly));
  const Bio memory = memory_of(text);
  PrivateKey key(PEM_read_bio_PrivateKey(memory.get(), nullptr, no_password, nullptr));
  OPENSSL_cleanse(text.data(), text.size());
  if (!key)
    return file.refused("holds no private key in PEM, or an encrypted one: " + take_tls_errors());
  return key;
}

Result<void> show_certificate(SSL_CTX* context, const TlsContext::Options& options,
                              int64_t& expires_ms) {
  const File cert_file{"tls.cert_path", options.cert_path};
  const File key_file{"tls.key_path", options.key_path};
  RSTMDB_ASSIGN(const std::vector<Certificate> chain, read_certificates(cert_file));
  RSTMDB_ASSIGN(const PrivateKey key, read_key(key_file));
  if (X509_check_private_key(chain[0].get(), key.get()) != 1) {
    ERR_clear_error();
    return key_file.refused("is not the key of the certificate in " + options.cert_path);
  }
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1)
    return cert_file.refused("its certificate cannot be used: " + take_tls_errors());
  for (size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
      return cert_file.refused("a certificate of its chain cannot be used: " + take_tls_errors());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return key_file.refused("its key cannot be used: " + take_tls_errors());
  expires_ms = unix_ms(X509_get0_notAfter(chain[0].get()));
  return {};
}

Result<void> add_crls(X509_STORE* store, const File& file) {
  RSTMDB_ASSIGN(const std::string text, file.read(Readers::kAnyone));
  const Bio memory = memory_of(text);
  size_t count = 0;
  while (const Crl crl{PEM_read_bio_X509_CRL(memory.get(), nullptr, no_password, nullptr)}) {
    if (X509_STORE_add_crl(store, crl.get()) != 1) return file.refused(take_tls_errors());
    ++count;
  }
  const bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!ended) return file.refused("a CRL in it cannot be read: " + take_tls_errors());
  ERR_clear_error();
  if (count == 0) return file.refused("holds no CRL in PEM");
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  return {};
}

Result<void> ask_for_certificates(SSL_CTX* context, const TlsContext::Options& options) {
  if (options.client_ca_path.empty()) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    return {};
  }
  const File file{"tls.client_ca_path", options.client_ca_path};
  RSTMDB_ASSIGN(const std::vector<Certificate> authorities, read_certificates(file));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const Certificate& authority : authorities)
    if (X509_STORE_add_cert(store, authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1)
      return file.refused(take_tls_errors());
  if (!options.client_crl_path.empty())
    RSTMDB_TRY(add_crls(store, {"tls.client_crl_path", options.client_crl_path}));
  const bool required = options.client_certificate == TlsContext::ClientCertificate::kRequired;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  SSL_CTX_set_verify_depth(context, limits::kCertificateChainMax);
  return {};
}

void set_policy(SSL_CTX* context) {
  bool done = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1;
  done = SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 && done;
  done = SSL_CTX_set_cipher_list(context, kSuites12) == 1 && done;
  done = SSL_CTX_set_ciphersuites(context, kSuites13) == 1 && done;
  done = SSL_CTX_set1_groups_list(context, kGroups) == 1 && done;
  done = SSL_CTX_set1_sigalgs_list(context, kSignatures) == 1 && done;
  done = SSL_CTX_set1_client_sigalgs_list(context, kSignatures) == 1 && done;
  done = SSL_CTX_set_num_tickets(context, 0) == 1 && done;
  done = SSL_CTX_set_max_early_data(context, 0) == 1 && done;
  RSTMDB_CHECK(done, "OpenSSL lacks what the TLS policy asks for");
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
}

}  // namespace

TlsContext::TlsContext() : context_(SSL_CTX_new(TLS_server_method())) {
  RSTMDB_CHECK(context_ != nullptr, "no memory for a TLS context");
}
TlsContext::~TlsContext() = default;
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext&&) noexcept = default;

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

Result<TlsContext> TlsContext::load(const Options& options) {
  ERR_clear_error();
  TlsContext made;
  set_policy(made.native());
  RSTMDB_TRY(show_certificate(made.native(), options, made.expires_ms_));
  RSTMDB_TRY(ask_for_certificates(made.native(), options));
  return made;
}

bool TlsContext::accepts(x509_st* certificate, stack_st_X509* chain) const {
  const Verification verification(X509_STORE_CTX_new());
  bool ready =
      verification && X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(native()),
                                          certificate, chain) == 1;
  ready = ready && X509_STORE_CTX_set_default(verification.get(), "ssl_client") == 1;
  if (!ready) return false;
  X509_VERIFY_PARAM* const param = X509_STORE_CTX_get0_param(verification.get());
  X509_VERIFY_PARAM_set_depth(param, limits::kCertificateChainMax);
  X509_VERIFY_PARAM_set_auth_level(param, kSecurityLevel);
  const bool accepted = X509_verify_cert(verification.get()) == 1;
  ERR_clear_error();
  return accepted;
}

std::string take_tls_errors() {
  std::string text;
  while (const unsigned long number = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(number);
    if (!text.empty()) text += "; ";
    if (reason != nullptr) {
      text += reason;
    } else {
      std::array<char, 256> line{};
      ERR_error_string_n(number, line.data(), line.size());
      text += line.data();
    }
  }
  return text.empty() ? "no reason is known" : text;
}

}  // namespace rstmdb::io
