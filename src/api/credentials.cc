#include "api/credentials.h"

#include "base/secret.h"

namespace rstmdb::api {
namespace {

std::string_view view(const Sha256& digest) { return {digest.data(), digest.size()}; }

}  // namespace

void Credentials::add_token(const Sha256& digest, Principal principal) {
  if (!places_.emplace(view(digest), tokens_.size()).second) return;
  tokens_.push_back({digest, std::move(principal)});
}

void Credentials::add_certificate(std::string_view subject, Principal principal) {
  certificates_.emplace(subject, std::move(principal));
}

const Principal* Credentials::find_token(std::string_view token) const {
  const Sha256 digest = sha256(token);
  const Principal* found = nullptr;
  for (const Token& known : tokens_)
    if (equal_in_constant_time(view(digest), view(known.digest))) found = &known.principal;
  return found;
}

const Principal* Credentials::find_certificate(std::string_view subject) const {
  const auto found = certificates_.find(std::string(subject));
  return found == certificates_.end() ? nullptr : &found->second;
}

const Principal* Credentials::find(const Proof& proof) const {
  switch (proof.kind) {
    case Proof::Kind::kNone:
      return nullptr;
    case Proof::Kind::kToken: {
      const auto place = places_.find(proof.key);
      return place == places_.end() ? nullptr : &tokens_[place->second].principal;
    }
    case Proof::Kind::kCertificate:
      return find_certificate(proof.key);
  }
  return nullptr;
}

Proof Credentials::token_proof(std::string_view token) {
  return {Proof::Kind::kToken, std::string(view(sha256(token)))};
}

}  // namespace rstmdb::api
