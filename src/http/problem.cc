#include "http/problem.h"

#include <algorithm>

#include "http/route.h"
#include "json/writer.h"
#include "wire/message.h"

namespace rstmdb::http {
namespace {

bool names_a_value(const Error& error) {
  return std::ranges::any_of(error.details(),
                             [](const Error::Detail& detail) { return detail.key == "path"; });
}

std::string_view title_of(int status, const Error& error) {
  const CodeRow& row = kCodes[static_cast<size_t>(error.code())];
  const bool own = status == row.status || status_of(error) == status ||
                   status_of(error, Precondition::kIfMatch) == status;
  return own ? row.title : status_words(status);
}

/// Whole seconds, at least one.
std::string retry_after(const Error& error) {
  constexpr int64_t kMsPerSecond = 1'000;
  const int64_t ms = std::max(error.detail_number("retry_after_ms", kMsPerSecond), kMsPerSecond);
  return std::to_string((ms + kMsPerSecond - 1) / kMsPerSecond);
}

}  // namespace

int status_of(const Error& error, Precondition precondition) {
  const Code code = error.code();
  if (code == Code::kBadRequest && names_a_value(error)) return 422;
  if (code == Code::kUnauthorized && error.detail("code") == "FORBIDDEN") return 403;
  if (code == Code::kNotFound && error.detail("code") == "OFFSET_COMPACTED") return 410;
  const bool of_offset = error.detail_number("expected_offset", -1) >= 0;
  if (code == Code::kConflict && of_offset && precondition == Precondition::kIfMatch) return 412;
  return kCodes[static_cast<size_t>(code)].status;
}

void append_problem(std::string& out, int status, const Error& error) {
  std::string type = "urn:rstmdb:error:";
  type += code_name(error.code());
  json::Writer writer(out);
  writer.open_object()
      .member("type", std::string_view(type))
      .member("title", title_of(status, error))
      .member("status", status)
      .member("detail", std::string_view(error.message()))
      .member("code", code_name(error.code()))
      .member("retryable", code_retryable(error.code()));
  wire::write_error_details(writer, error);
  writer.close_object();
}

Response problem(const Error& error, Precondition precondition) {
  return problem(status_of(error, precondition), error);
}

Response problem(int status, const Error& error) {
  Response response{.status = status, .content_type = kProblemJson};
  append_problem(response.body, status, error);
  if (status == 401) response.with("WWW-Authenticate", "Bearer");
  if (status == 429) response.with("Retry-After", retry_after(error));
  return response;
}

}  // namespace rstmdb::http
