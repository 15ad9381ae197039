#include "answer.h"

namespace rstmdb::client {
namespace {

/// The user's data nests to 64; the message around it adds a few levels of its own.
constexpr json::Document::Limits kLimits = {.depth = 256, .members = 10'000'000};

Error no_answer(std::string_view what) {
  return Error(ErrorKind::kProtocol, "the server's message " + std::string(what));
}

}  // namespace

Result<json::Value> parse_message(json::Document& document, std::string_view payload) {
  auto parsed = document.parse(payload, kLimits);
  if (!parsed.ok()) return no_answer("is no JSON: " + parsed.error().message());
  if (!document.root().is_object()) return no_answer("is no JSON object");
  return document.root();
}

Result<Answer> read_answer(json::Value message) {
  const json::Value id = message["id"];
  const json::Value status = message["status"];
  if (!id.is_string()) return no_answer("has no id");
  if (!status.is_string()) return no_answer("has no status");
  if (status.string() == "ok") {
    const json::Value result = message["result"];
    if (!result.is_object()) return no_answer("has no result object");
    return Answer{id.string(), result, std::nullopt};
  }
  const json::Value error = message["error"];
  const json::Value code = error["code"];
  if (status.string() != "error" || !code.is_string()) return no_answer("has no known status");
  const json::Value text = error["message"];
  const json::Value details = error["details"];
  Error refusal(std::string(code.string()), std::string(text.is_string() ? text.string() : ""),
                std::string(details.is_object() ? details.text() : ""));
  if (const json::Value retryable = error["retryable"]; retryable.is_bool()) {
    refusal = refusal.with_retryable(retryable.boolean());
  }
  return Answer{id.string(), {}, std::move(refusal)};
}

}  // namespace rstmdb::client
