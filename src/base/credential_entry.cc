#include "base/credential_entry.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/limits.h"

namespace rstmdb {
namespace {

constexpr size_t kDigits = 64;
constexpr size_t kShownKeyBytes = 10;
constexpr std::string_view kSpace = " \t";
constexpr std::string_view kPunctuation = "._:@+-";

Error refused(std::string reason) { return Error(Code::kBadRequest, std::move(reason)); }

std::string_view next_word(std::string_view& rest) {
  const size_t begin = rest.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return rest = "";
  rest.remove_prefix(begin);
  const std::string_view word = rest.substr(0, rest.find_first_of(kSpace));
  rest.remove_prefix(word.size());
  return word;
}

/// The word as a refusal may show it: what stands before "=" when it looks like a key, else only
/// its place in the line.
std::string shown(std::string_view word, size_t place) {
  const std::string_view key = word.substr(0, word.find('='));
  const bool plain = key.size() < word.size() && key.size() <= kShownKeyBytes &&
                     std::ranges::all_of(key, [](char c) { return c >= 'a' && c <= 'z'; });
  return "word " + std::to_string(place) + (plain ? " (" + std::string(key) + "=)" : "");
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Sha256> digest_of(std::string_view word) {
  Sha256 digest{};
  if (word.size() != kDigits) return std::nullopt;
  for (size_t i = 0; i < digest.size(); ++i) {
    const int high = hex_value(word[2 * i]);
    const int low = hex_value(word[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<char>(high * 16 + low);
  }
  return digest;
}

std::string default_name(std::string_view digits) {
  std::string name = "token:" + std::string(digits.substr(0, 8));
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? char(c - 'A' + 'a') : c; });
  return name;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= limits::kPrincipalNameBytesMax &&
         std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  kPunctuation.contains(c);
         });
}

std::optional<Role> role_of(std::string_view text) {
  for (const Role role : {Role::kRead, Role::kWrite, Role::kAdmin})
    if (text == role_name(role)) return role;
  return std::nullopt;
}

Result<Role> read_role(std::string_view value) {
  if (const auto role = role_of(value)) return *role;
  return refused("has a role that is none of read, write, admin");
}

/// Sets the one thing of `token` that `word` says.
Result<void> read_option(std::string_view word, size_t place, TokenEntry& token) {
  const size_t equals = word.find('=');
  const std::string_view key = word.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
  if (equals != std::string_view::npos && key == "name") {
    if (!is_name(value))
      return refused("has a name that is not 1 to " +
                     std::to_string(limits::kPrincipalNameBytesMax) + " letters, digits and " +
                     std::string(kPunctuation));
    token.name = value;
    return {};
  }
  if (equals != std::string_view::npos && key == "role") {
    RSTMDB_ASSIGN(token.role, read_role(value));
    return {};
  }
  if (equals != std::string_view::npos && key == "expires") {
    RSTMDB_ASSIGN(const int64_t expires_ms, parse_time(value));
    token.expires_ms = std::max<int64_t>(expires_ms, 1);  // 0 is never
    return {};
  }
  return refused("has " + shown(word, place) + " that is none of name=, role=, expires=");
}

/// `count` digits at the front of `text`, which lose them.
std::optional<int> take_number(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int number = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return number;
}

bool take(std::string_view& text, std::string_view one_of) {
  if (text.empty() || !one_of.contains(text.front())) return false;
  text.remove_prefix(1);
  return true;
}

/// "Z", "+02:00" or "-02:00" at the end: minutes to take away.
std::optional<int> offset_minutes(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  const bool minus = text.starts_with('-');
  if (!take(text, "+-")) return std::nullopt;
  const auto hours = take_number(text, 2);
  if (!hours || !take(text, ":")) return std::nullopt;
  const auto minutes = take_number(text, 2);
  if (!minutes || !text.empty() || *hours > 23 || *minutes > 59) return std::nullopt;
  return (minus ? -1 : 1) * (*hours * 60 + *minutes);
}

std::optional<std::chrono::sys_days> take_day(std::string_view& text) {
  const auto year = take_number(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_number(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_number(text, 2);
  if (!day || !take(text, "Tt")) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date);
}

std::optional<int> take_second_of_day(std::string_view& text) {
  const auto hour = take_number(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_number(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_number(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 59) return std::nullopt;
  if (take(text, ".")) {
    if (!take_number(text, 1)) return std::nullopt;
    while (take_number(text, 1)) {
    }
  }
  return (*hour * 60 + *minute) * 60 + *second;
}

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::kRead:
      return "read";
    case Role::kWrite:
      return "write";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

Result<int64_t> parse_time(std::string_view text) {
  const auto day = take_day(text);
  const auto second = day ? take_second_of_day(text) : std::nullopt;
  const auto offset = second ? offset_minutes(text) : std::nullopt;
  if (!offset)
    return refused("has a time that is not one of RFC 3339, such as 2027-01-31T00:00:00Z");
  const auto time = *day + std::chrono::seconds(*second) - std::chrono::minutes(*offset);
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Result<TokenEntry> parse_token(std::string_view line) {
  const std::string_view digits = next_word(line);
  const auto digest = digest_of(digits);
  if (!digest) return refused("does not begin with a SHA-256 in 64 hex digits");
  TokenEntry token{.digest = *digest, .name = default_name(digits)};
  std::string seen;
  size_t place = 2;
  for (std::string_view word = next_word(line); !word.empty(); word = next_word(line), ++place) {
    RSTMDB_TRY(read_option(word, place, token));
    const std::string key(word.substr(0, word.find('=') + 1));
    if (seen.contains(key)) return refused("has " + key + " twice");
    seen += key;
  }
  return token;
}

Result<CertificateEntry> parse_certificate(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(kSpace), line.size()));
  line = line.substr(0, line.find_last_not_of(kSpace) + 1);
  const size_t gap = line.find_last_of(kSpace);
  const std::string_view last = gap == std::string_view::npos ? line : line.substr(gap + 1);
  if (gap == std::string_view::npos || !last.starts_with("role="))
    return refused("is not a subject followed by role=read, role=write or role=admin");
  CertificateEntry certificate;
  RSTMDB_ASSIGN(certificate.role, read_role(last.substr(5)));
  std::string_view subject = line.substr(0, gap);
  subject = subject.substr(0, subject.find_last_not_of(kSpace) + 1);
  if (!subject.contains('='))
    return refused("has a subject that is none, such as CN=billing,O=Acme");
  if (subject.size() > limits::kNameBytesMax)
    return refused("has a subject longer than " + std::to_string(limits::kNameBytesMax) + " bytes");
  certificate.subject = subject;
  return certificate;
}

}  // namespace rstmdb
