#include "metrics/sources.h"

namespace rstmdb::metrics {

void add_access(Text& text, const api::GuessLimits::Stats& guesses, const io::TlsNet::Stats& tls) {
  text.counter("rstmdb_auth_failures_total", "Tokens that were looked at and found wrong.",
               guesses.failures);
  text.counter("rstmdb_auth_refused_total",
               "Tokens that were not looked at, because their address has to wait.",
               guesses.refused);
  text.gauge("rstmdb_auth_guess_addresses", "Addresses with failures that are remembered.",
             guesses.addresses);
  text.counter("rstmdb_tls_handshakes_total", "TLS handshakes that came to a good end.",
               tls.handshakes);
  text.counter("rstmdb_tls_handshake_failures_total",
               "TLS handshakes that did not, plain bytes at an encrypted door included.",
               tls.failures);
}

}  // namespace rstmdb::metrics
