#include "standing.h"

#include "base/hash.h"

namespace rstmdb::sim {
namespace {

constexpr int64_t kLongAgoMs = 1'000;
constexpr std::string_view kLate = "token-of-somebody-late";

constexpr Token kTokens[] = {
    {"token-of-ada", {.may = May::kEverything, .name = "ada"}},
    {"token-of-will", {.may = May::kWrite, .name = "will"}},
    {"token-of-rita", {.may = May::kRead, .name = "rita"}},
    {"token-of-nobody", {.may = May::kNothing, .refusal = "AUTH_FAILED"}},
    {kLate,
     {.may = May::kNothing, .refusal = "AUTH_FAILED", .refusal_detail = "CREDENTIAL_EXPIRED"}},
};

Role role_of(May may) {
  return may == May::kRead ? Role::kRead : may == May::kWrite ? Role::kWrite : Role::kAdmin;
}

}  // namespace

std::string_view may_name(May may) {
  switch (may) {
    case May::kNothing:
      return "none";
    case May::kRead:
      return "read";
    case May::kWrite:
      return "write";
    case May::kEverything:
      return "admin";
  }
  return "";
}

May needed(Ask::Kind kind) {
  switch (kind) {
    case Ask::Kind::kWrites:
      return May::kWrite;
    case Ask::Kind::kGet:
    case Ask::Kind::kList:
    case Ask::Kind::kMachines:
    case Ask::Kind::kCount:
    case Ask::Kind::kHistory:
    case Ask::Kind::kWatch:
    case Ask::Kind::kUnwatch:
      return May::kRead;
    case Ask::Kind::kLogRead:
    case Ask::Kind::kCompact:
      return May::kEverything;
    case Ask::Kind::kPing:
    case Ask::Kind::kHello:
    case Ask::Kind::kAuth:
      return May::kNothing;
  }
  return May::kNothing;
}

std::span<const Token> tokens() { return kTokens; }

config::Config::Auth token_settings() {
  config::Config::Auth auth;
  auth.required = true;
  for (const Token& token : kTokens) {
    if (token.right())
      auth.tokens.push_back({.digest = sha256(token.text),
                             .name = std::string(token.standing.name),
                             .role = role_of(token.standing.may)});
  }
  auth.tokens.push_back({.digest = sha256(kLate), .name = "late", .expires_ms = kLongAgoMs});
  return auth;
}

}  // namespace rstmdb::sim
