#include "base/out_of_memory.h"

#include <cstdio>
#include <cstdlib>
#include <new>

namespace rstmdb {

void end_when_out_of_memory() {
  std::set_new_handler([] {
    std::fputs("out of memory: an allocation has failed; the process ends\n", stderr);
    std::abort();
  });
}

}  // namespace rstmdb
