#include "base/sha256.h"

#include <openssl/evp.h>

#include "base/check.h"

namespace rstmdb {

struct Sha256Sum::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(),
                                                                 &EVP_MD_CTX_free};
};

Sha256Sum::Sha256Sum() : context_(std::make_unique<Context>()) {
  RSTMDB_CHECK(context_->digest != nullptr &&
                   EVP_DigestInit_ex(context_->digest.get(), EVP_sha256(), nullptr) == 1,
               "SHA-256 is not available");
}

Sha256Sum::~Sha256Sum() = default;

void Sha256Sum::update(std::string_view bytes) {
  RSTMDB_CHECK(EVP_DigestUpdate(context_->digest.get(), bytes.data(), bytes.size()) == 1,
               "SHA-256 of more bytes");
}

Sha256 Sha256Sum::finish() {
  Sha256 digest;
  unsigned int size = 0;
  auto* into = reinterpret_cast<unsigned char*>(digest.data());
  RSTMDB_CHECK(
      EVP_DigestFinal_ex(context_->digest.get(), into, &size) == 1 && size == digest.size(),
      "SHA-256 at its end");
  return digest;
}

std::string hex(const Sha256& digest) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : digest) {
    const auto value = static_cast<unsigned char>(byte);
    text.push_back(kDigits[value >> 4]);
    text.push_back(kDigits[value & 15]);
  }
  return text;
}

}  // namespace rstmdb
