// Errors as problem details (RFC 9457), and which status each has.
#pragma once

#include <string_view>

#include "base/error.h"
#include "http/response.h"

namespace rstmdb::http {

inline constexpr std::string_view kProblemJson = "application/problem+json";

/// What a conflict is: of what the request's body asks for, or of its If-Match.
enum class Precondition : uint8_t { kNone, kIfMatch };

/// {"type":"urn:rstmdb:error:CONFLICT","title":…,"status":409,"detail":…,"code":…,"retryable":…,
/// "details":{…}}, with the fields that the status asks for.
Response problem(const Error& error, Precondition precondition = Precondition::kNone);

/// The same with a status of HTTP's own.
Response problem(int status, const Error& error);

/// Appends the problem alone, as one line.
void append_problem(std::string& out, int status, const Error& error);
int status_of(const Error& error, Precondition precondition = Precondition::kNone);

}  // namespace rstmdb::http
