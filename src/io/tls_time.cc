#include "io/tls_time.h"

#include <openssl/asn1.h>

#include <ctime>

namespace rstmdb::io {

int64_t unix_ms(const asn1_string_st* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  return static_cast<int64_t>(::timegm(&parts)) * 1'000;
}

}  // namespace rstmdb::io
