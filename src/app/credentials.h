// From the settings to what the operations ask.
#pragma once

#include "api/credentials.h"
#include "config/config.h"
#include "io/tls_context.h"

namespace rstmdb::app {

api::Credentials credentials_of(const config::Config::Auth& auth);

/// Reads the files that `tls` names, and says in the log until when the server's certificate is
/// valid, loudly when that is soon or past.
Result<io::TlsContext> load_tls(const config::Config::Tls& tls, int64_t wall_ms);

}  // namespace rstmdb::app
