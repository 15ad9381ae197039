// SHA-256 over bytes that come in pieces. For one piece there is sha256_hex().
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace rstmdb {

using Sha256Digest = std::array<char, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::string_view bytes);
  /// The digest of everything so far. Nothing may be called afterwards.
  Sha256Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// 64 lower-case hex digits.
std::string hex(const Sha256Digest& digest);

}  // namespace rstmdb
