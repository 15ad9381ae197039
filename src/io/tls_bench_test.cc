#include "io/tls_bench.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "io/tls_net.h"

namespace rstmdb::io {
namespace {

struct Identity {
  EVP_PKEY* key = nullptr;
  X509* certificate = nullptr;
};

void extend(X509* certificate, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  RSTMDB_CHECK(extension != nullptr, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// A certificate for `name`, signed by `issuer`, or a CA of its own when that is null.
Identity make(const char* name, const Identity* issuer, long serial) {
  Identity made{EVP_EC_gen("P-256"), X509_new()};
  X509* const certificate = made.certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
  X509_set_pubkey(certificate, made.key);
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const auto add = [&](const char* field, const char* value) {
    X509_NAME_add_entry_by_txt(subject, field, MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(value), -1, -1, 0);
  };
  add("O", "test");
  for (int i = 0; i < 5 && std::string_view(name) == "long"; ++i)
    add("OU", std::string(60, 'x').c_str());
  add("CN", name);
  X509* const signer = issuer != nullptr ? issuer->certificate : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  if (issuer == nullptr) {
    extend(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
    extend(certificate, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  } else {
    extend(certificate, signer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  }
  EVP_PKEY* const key = issuer != nullptr ? issuer->key : made.key;
  RSTMDB_CHECK(X509_sign(certificate, key, EVP_sha256()) != 0, "signing");
  return made;
}

std::FILE* open_file(const std::string& path) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  RSTMDB_CHECK(file != nullptr, path);
  ::chmod(path.c_str(), 0600);
  return file;
}

void write(const TlsFiles& files, const std::string& name, const Identity& identity) {
  std::FILE* file = open_file(files.path(name + ".pem"));
  PEM_write_X509(file, identity.certificate);
  std::fclose(file);
  file = open_file(files.path(name + ".key"));
  PEM_write_PrivateKey(file, identity.key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
}

void write_crl(const std::string& path, const Identity& issuer, const X509* revoked) {
  X509_CRL* const crl = X509_CRL_new();
  X509_CRL_set_version(crl, 1);
  X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer.certificate));
  ASN1_TIME* const time = X509_gmtime_adj(nullptr, -60);
  X509_CRL_set1_lastUpdate(crl, time);
  X509_gmtime_adj(time, 24 * 3600);
  X509_CRL_set1_nextUpdate(crl, time);
  X509_gmtime_adj(time, -60);
  if (revoked != nullptr) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry,
                                  const_cast<ASN1_INTEGER*>(X509_get0_serialNumber(revoked)));
    X509_REVOKED_set_revocationDate(entry, time);
    X509_CRL_add0_revoked(crl, entry);
  }
  ASN1_TIME_free(time);
  RSTMDB_CHECK(X509_CRL_sign(crl, issuer.key, EVP_sha256()) != 0, "signing a CRL");
  std::FILE* const file = open_file(path);
  PEM_write_X509_CRL(file, crl);
  std::fclose(file);
  X509_CRL_free(crl);
}

class TlsBench final : public Bench {
 public:
  explicit TlsBench(std::unique_ptr<Bench> below)
      : below_(std::move(below)),
        worker_(below_->make_worker()),
        net_({.below = below_->net(),
              .loop = below_->loop(),
              .worker = *worker_,
              .context = TlsContext::load(tls_files().server()).value()}) {}
  Net& net() override { return net_; }
  Loop& loop() override { return below_->loop(); }
  std::unique_ptr<Worker> make_worker() override { return below_->make_worker(); }
  SimulatedPeer& connect(const std::string& address) override {
    TlsPeer& peer = *peers_.emplace_back(
        std::make_unique<TlsPeer>(below_->connect(address), TlsPeer::Options{}));
    EXPECT_TRUE(run_until([&] { return peer.shaken() || peer.was_reset() || peer.ended(); }));
    return peer;
  }
  bool run_until(std::move_only_function<bool()> condition) override {
    return below_->run_until([&] {
      for (const auto& peer : peers_) peer->pump();
      return condition();
    });
  }
  size_t flood_bytes() const override { return below_->flood_bytes() + 1024 * 1024; }

 private:
  std::unique_ptr<Bench> below_;
  std::unique_ptr<Worker> worker_;
  TlsNet net_;
  std::vector<std::unique_ptr<TlsPeer>> peers_;
};

}  // namespace

TlsFiles::TlsFiles() {
  std::string pattern = std::filesystem::temp_directory_path() / "rstmdb_tls_XXXXXX";
  folder_ = ::mkdtemp(pattern.data());
  const Identity authority = make("authority", nullptr, 1);
  const Identity strange_authority = make("strange authority", nullptr, 2);
  const Identity client = make("client", &authority, 4);
  write(*this, "ca", authority);
  const std::pair<const char*, Identity> all[] = {
      {"server", make("server", &authority, 3)},
      {"client", client},
      {"other-server", make("other server", &authority, 5)},
      {"stranger", make("client", &strange_authority, 6)},
      {"long", make("long", &authority, 7)}};
  for (const auto& [name, identity] : all) write(*this, name, identity);
  write_crl(path("nobody.crl"), authority, nullptr);
  write_crl(path("client.crl"), authority, client.certificate);
  for (const auto& [name, identity] : all) {
    EVP_PKEY_free(identity.key);
    X509_free(identity.certificate);
  }
  for (const Identity& identity : {authority, strange_authority}) {
    EVP_PKEY_free(identity.key);
    X509_free(identity.certificate);
  }
}

TlsFiles::~TlsFiles() { std::filesystem::remove_all(folder_); }

const TlsFiles& tls_files() {
  static const TlsFiles files;
  return files;
}

TlsPeer::TlsPeer(SimulatedPeer& below, Options options)
    : below_(below), context_(SSL_CTX_new(TLS_client_method())) {
  SSL_CTX_load_verify_locations(context_, tls_files().path("ca.pem").c_str(), nullptr);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  if (options.version != 0) {
    SSL_CTX_set_min_proto_version(context_, options.version);
    SSL_CTX_set_max_proto_version(context_, options.version);
  }
  if (!options.certificate.empty()) {
    const std::string base = tls_files().path(options.certificate);
    SSL_CTX_use_certificate_file(context_, (base + ".pem").c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, (base + ".key").c_str(), SSL_FILETYPE_PEM);
  }
  ssl_ = SSL_new(context_);
  SSL_set_bio(ssl_, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_);
  pump();
}

TlsPeer::~TlsPeer() {
  SSL_free(ssl_);
  SSL_CTX_free(context_);
}

void TlsPeer::send(std::string_view bytes) {
  unsent_ += bytes;
  pump();
}

size_t TlsPeer::unsent() const { return unsent_.size() + below_.unsent(); }

void TlsPeer::finish() {
  finishing_ = true;
  pump();
}

void TlsPeer::close() {
  closing_ = true;
  finish();
}

void TlsPeer::reset() {
  failed_ = true;
  below_.reset();
}

void TlsPeer::pump() {
  if (failed_) return;
  std::string& cipher = below_.received();
  if (!cipher.empty())
    BIO_write(SSL_get_rbio(ssl_), cipher.data(), static_cast<int>(cipher.size()));
  cipher.clear();
  ERR_clear_error();
  if (!shaken_) {
    const int done = SSL_do_handshake(ssl_);
    shaken_ = done == 1;
    failed_ = !shaken_ && SSL_get_error(ssl_, done) != SSL_ERROR_WANT_READ;
  }
  char plain[4096];
  size_t size = 0;
  while (shaken_ && !failed_) {
    ERR_clear_error();
    const int done = SSL_read_ex(ssl_, plain, sizeof plain, &size);
    if (done == 1) {
      received_.append(plain, size);
      continue;
    }
    const int why = SSL_get_error(ssl_, done);
    ended_ = ended_ || why == SSL_ERROR_ZERO_RETURN;
    failed_ = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_ZERO_RETURN;
    break;
  }
  while (shaken_ && !failed_ && !unsent_.empty() &&
         SSL_write_ex(ssl_, unsent_.data(), unsent_.size(), &size) == 1)
    unsent_.erase(0, size);
  send_cipher();
  if (below_.ended()) ended_ = true;
  if (!finishing_ || !unsent_.empty() || !shaken_) return;
  finishing_ = false;
  SSL_shutdown(ssl_);
  send_cipher();
  if (closing_)
    below_.close();
  else
    below_.finish();
}

void TlsPeer::send_cipher() {
  char cipher[4096];
  for (int size = 0; (size = BIO_read(SSL_get_wbio(ssl_), cipher, sizeof cipher)) > 0;)
    below_.send({cipher, static_cast<size_t>(size)});
}

std::unique_ptr<Bench> tls_over(std::unique_ptr<Bench> below) {
  return std::make_unique<TlsBench>(std::move(below));
}

}  // namespace rstmdb::io
