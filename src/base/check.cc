#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace rstmdb {

void check_failed(const char* file, int line, std::string_view condition, std::string_view values) {
  std::fprintf(stderr, "%s:%d: check failed: %.*s: %.*s\n", file, line,
               static_cast<int>(condition.size()), condition.data(),
               static_cast<int>(values.size()), values.data());
  std::fflush(stderr);
  std::abort();
}

}  // namespace rstmdb
