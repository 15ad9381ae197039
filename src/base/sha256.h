// SHA-256 over bytes that come in pieces. For one piece there are sha256() and sha256_hex().
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/hash.h"

namespace rstmdb {

class Sha256Sum {
 public:
  Sha256Sum();
  ~Sha256Sum();
  Sha256Sum(const Sha256Sum&) = delete;
  Sha256Sum& operator=(const Sha256Sum&) = delete;

  void update(std::string_view bytes);
  /// The digest of everything so far. Nothing may be called afterwards.
  Sha256 finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

/// 64 lower-case hex digits.
std::string hex(const Sha256& digest);

}  // namespace rstmdb
