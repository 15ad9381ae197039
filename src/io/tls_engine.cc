#include "io/tls_engine.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/limits.h"
#include "io/tls_time.h"

namespace rstmdb::io {

/// The engine's two buffers as OpenSSL's idea of a connection.
struct MemoryBio {
  static TlsEngine& engine(BIO* bio) { return *static_cast<TlsEngine*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    std::string_view& input = engine(bio).input_;
    if (input.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const size_t moved = std::min(input.size(), static_cast<size_t>(std::max(size, 0)));
    std::memcpy(to, input.data(), moved);
    input.remove_prefix(moved);
    return static_cast<int>(moved);
  }
  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    engine(bio).output_.append(from, static_cast<size_t>(size));
    return size;
  }
  static long control(BIO*, int what, long, void*) { return what == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "memory");
      RSTMDB_CHECK(method != nullptr, "no memory for TLS");
      BIO_meth_set_read(method, read);
      BIO_meth_set_write(method, write);
      BIO_meth_set_ctrl(method, control);
      return method;
    }();
    return made;
  }
  static BIO* make(TlsEngine& engine) {
    BIO* bio = BIO_new(method());
    RSTMDB_CHECK(bio != nullptr, "no memory for TLS");
    BIO_set_data(bio, &engine);
    BIO_set_init(bio, 1);
    return bio;
  }
};

namespace {

std::string subject_of(const X509* certificate) {
  std::unique_ptr<BIO, decltype(&BIO_free_all)> memory(BIO_new(BIO_s_mem()), BIO_free_all);
  RSTMDB_CHECK(memory != nullptr, "no memory for TLS");
  X509_NAME_print_ex(memory.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<size_t>(std::max(size, 0L))};
}

}  // namespace

TlsEngine::TlsEngine(const TlsContext& context) : ssl_(SSL_new(context.native())) {
  RSTMDB_CHECK(ssl_ != nullptr, "no memory for TLS");
  BIO* bio = MemoryBio::make(*this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

TlsEngine::~TlsEngine() = default;
void TlsEngine::Free::operator()(ssl_st* ssl) const { SSL_free(ssl); }

TlsEngine::Outcome TlsEngine::judge(int result) {
  const int why = SSL_get_error(ssl_.get(), result);
  if (why == SSL_ERROR_WANT_READ) return Outcome::kWantsInput;
  if (why == SSL_ERROR_ZERO_RETURN) return Outcome::kEnded;
  const long verdict = SSL_get_verify_result(ssl_.get());
  failure_ = take_tls_errors();
  if (verdict != X509_V_OK) failure_ += std::string(": ") + X509_verify_cert_error_string(verdict);
  return Outcome::kFailed;
}

TlsEngine::Outcome TlsEngine::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return Outcome::kDone;
  const Outcome outcome = judge(result);
  return outcome == Outcome::kEnded ? Outcome::kFailed : outcome;
}

TlsEngine::Outcome TlsEngine::read(std::span<char> plain, size_t& size) {
  size = 0;
  while (size < plain.size()) {
    ERR_clear_error();
    size_t part = 0;
    const int result = SSL_read_ex(ssl_.get(), plain.data() + size, plain.size() - size, &part);
    if (result != 1) return judge(result);
    size += part;
  }
  return Outcome::kDone;
}

size_t TlsEngine::write(std::string_view plain) {
  ERR_clear_error();
  size_t taken = 0;
  const std::string_view record = plain.substr(0, limits::kTlsRecordBytesMax);
  const int result = SSL_write_ex(ssl_.get(), record.data(), record.size(), &taken);
  if (result == 1) return taken;
  judge(result);
  return 0;
}

void TlsEngine::end() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

Result<PeerIdentity> TlsEngine::identity() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (certificate == nullptr || SSL_get_verify_result(ssl_.get()) != X509_V_OK)
    return PeerIdentity{};
  PeerIdentity identity{subject_of(certificate), unix_ms(X509_get0_notAfter(certificate))};
  if (identity.subject.size() > limits::kNameBytesMax)
    return Error(Code::kBadRequest, "the subject of the certificate is too long")
        .with("limit", static_cast<int64_t>(limits::kNameBytesMax));
  return identity;
}

bool TlsEngine::goes_by(const TlsContext& context) const {
  return SSL_get_SSL_CTX(ssl_.get()) == context.native();
}

bool TlsEngine::accepted_by(const TlsContext& context) const {
  X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
  return certificate == nullptr ||
         context.accepts(certificate, SSL_get_peer_cert_chain(ssl_.get()));
}

}  // namespace rstmdb::io
