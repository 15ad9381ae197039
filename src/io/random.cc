#include "io/random.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace rstmdb::io {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<char> bytes) override {
    while (!bytes.empty()) {
      if (used_ == pool_.size()) draw();
      const size_t size = std::min(bytes.size(), pool_.size() - used_);
      std::memcpy(bytes.data(), pool_.data() + used_, size);
      OPENSSL_cleanse(pool_.data() + used_, size);  // what was given out is not found in a core
      used_ += size;
      bytes = bytes.subspan(size);
    }
  }

 private:
  void draw() {
    const int drawn = RAND_bytes(pool_.data(), static_cast<int>(pool_.size()));
    RSTMDB_CHECK(drawn == 1, "the system gives no random bytes");
    used_ = 0;
  }

  std::array<unsigned char, 4096> pool_;
  size_t used_ = pool_.size();
};

}  // namespace

Random& system_random() {
  static SystemRandom random;
  return random;
}

}  // namespace rstmdb::io
