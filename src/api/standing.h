// How a caller gets its rights and loses them again; the same at every door.
#pragma once

#include <cstdint>
#include <string_view>

#include "api/context.h"
#include "base/result.h"

namespace rstmdb::api {

/// Whose token this is. kRateLimited (detail retry_after_ms) without a look at it when the caller's
/// address has guessed too often; kAuthFailed otherwise, and then the failure is counted: after
/// limits::kAuthFailuresMax of them the caller's connection is to be closed.
Result<const Principal*> check_token(Caller& caller, const ServerFacts& facts, GuessLimits& guesses,
                                     node::Node& node, std::string_view token);

/// A verified certificate with `subject` ("" for none) stands for an AUTH when the settings know
/// it. One that they do not know gives no rights, and where none are asked for, a name.
void adopt_certificate(Caller& caller, const ServerFacts& facts, std::string_view subject);

/// Whether what the caller has shown counts among the credentials as they are now; kUnauthorized
/// with detail code CREDENTIAL_REVOKED if not. `certificate_trusted`: what the stream says of it.
enum class Certificate : uint8_t { kTrusted, kNotTrusted };
Result<void> check_credential(const Caller& caller, const ServerFacts& facts,
                              Certificate certificate);

/// kUnauthorized with detail code CREDENTIAL_EXPIRED once the caller's token, or the connection's
/// certificate (valid until `certificate_ms`; 0: none), is not valid any more.
Result<void> check_expiry(const Caller& caller, const ServerFacts& facts, int64_t certificate_ms,
                          int64_t wall_ms);

}  // namespace rstmdb::api
