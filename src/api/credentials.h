// Who is known to the server and what each may do. Made from the settings at the start and again at
// every reload, and replaced as a whole; nobody keeps a pointer into it across a turn.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/operation.h"
#include "base/hash.h"

namespace rstmdb::api {

struct Principal {
  std::string name;  // as it stands in the records
  Access rights = Access::kNone;
  int64_t expires_ms = 0;  // Unix time from which on it is not valid any more; 0: never
  bool operator==(const Principal&) const = default;
};

/// What a connection has shown. Kept, to ask later whether it still counts; a token itself is not.
struct Proof {
  enum class Kind : uint8_t { kNone, kToken, kCertificate };
  Kind kind = Kind::kNone;
  std::string key;  // the token's digest, or the certificate's subject
};

class Credentials {
 public:
  /// Of two with the same digest or subject the first counts; the settings refuse that before.
  void add_token(const Sha256& digest, Principal principal);
  void add_certificate(std::string_view subject, Principal principal);

  bool has_tokens() const { return !tokens_.empty(); }
  size_t size() const { return tokens_.size() + certificates_.size(); }

  /// The token's owner, or null. Compares with every digest, so that the time tells nothing about
  /// which of them are near.
  const Principal* find_token(std::string_view token) const;
  const Principal* find_certificate(std::string_view subject) const;
  /// Whose proof this is now, or null. Not for what a stranger has sent: the time tells.
  const Principal* find(const Proof& proof) const;

  static Proof token_proof(std::string_view token);

 private:
  struct Token {
    Sha256 digest;
    Principal principal;
  };
  std::vector<Token> tokens_;
  std::unordered_map<std::string, size_t> places_;  // of each digest in tokens_
  std::unordered_map<std::string, Principal> certificates_;
};

}  // namespace rstmdb::api
