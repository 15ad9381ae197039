#include "test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace rstmdb::client::fake {
namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "certificates for the test: %s\n", what);
  std::abort();
}

struct Identity {
  EVP_PKEY* key = nullptr;
  X509* cert = nullptr;
  Identity() = default;
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;
  ~Identity() {
    EVP_PKEY_free(key);
    X509_free(cert);
  }
};

void extend(X509* cert, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  require(extension != nullptr, value);
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

/// A certificate for `name`, signed by `issuer`, or a CA of its own when that is null.
void make(Identity& made, const char* name, const Identity* issuer, long serial) {
  made.key = EVP_EC_gen("P-256");
  made.cert = X509_new();
  X509_set_version(made.cert, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made.cert), serial);
  X509_gmtime_adj(X509_getm_notBefore(made.cert), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made.cert), 24 * 3600);
  X509_set_pubkey(made.cert, made.key);
  X509_NAME* const subject = X509_get_subject_name(made.cert);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509* const signer = issuer != nullptr ? issuer->cert : made.cert;
  X509_set_issuer_name(made.cert, X509_get_subject_name(signer));
  if (issuer == nullptr) {
    extend(made.cert, signer, NID_basic_constraints, "critical,CA:TRUE");
    extend(made.cert, signer, NID_key_usage, "critical,keyCertSign");
  } else {
    extend(made.cert, signer, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  }
  EVP_PKEY* const key = issuer != nullptr ? issuer->key : made.key;
  require(X509_sign(made.cert, key, EVP_sha256()) != 0, "signing");
}

void write_cert(const std::string& path, X509* cert) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  require(file != nullptr && PEM_write_X509(file, cert) == 1, path.c_str());
  std::fclose(file);
}

void write_key(const std::string& path, EVP_PKEY* key) {
  std::FILE* const file = std::fopen(path.c_str(), "w");
  require(file != nullptr &&
              PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          path.c_str());
  std::fclose(file);
}

}  // namespace

TestCertificates::TestCertificates() {
  std::string name = std::filesystem::temp_directory_path() / "rstmdb-tls-XXXXXX";
  require(::mkdtemp(name.data()) != nullptr, "mkdtemp");
  folder_ = name;
  Identity authority;
  Identity stranger;
  Identity server;
  Identity client;
  make(authority, "test authority", nullptr, 1);
  make(stranger, "another authority", nullptr, 2);
  make(server, "test server", &authority, 3);
  make(client, "test client", &authority, 4);
  write_cert(ca(), authority.cert);
  write_cert(other_ca(), stranger.cert);
  write_cert(server_cert(), server.cert);
  write_key(server_key(), server.key);
  write_cert(client_cert(), client.cert);
  write_key(client_key(), client.key);
}

TestCertificates::~TestCertificates() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace rstmdb::client::fake
