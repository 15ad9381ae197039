#include "config/keys.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <numeric>

#include "base/host_port.h"

namespace rstmdb::config {
namespace {

constexpr uint64_t kDaySecs = 24 * 60 * 60;
constexpr uint64_t kEveryNMax = 1'000'000;
constexpr uint64_t kEveryMsMax = 60'000;
constexpr size_t kPathBytesMax = 4095;
constexpr auto kTaken = Key::OnReload::kTaken;

std::string address_refusal(std::string_view text) {
  const auto parts = split_host_port(text);
  return parts ? "" : "is " + parts.error().message();
}

std::string path_refusal(std::string_view text) {
  if (text.empty()) return "is empty";
  if (text.size() > kPathBytesMax) return "is longer than a path can be";
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return "has a control character";
  return "";
}

// clang-format off
constexpr std::array kKeys = {
    Key{"network.bind_addr", "RSTMDB_BIND",
        [](Config& c) -> Key::Place { return &c.network.bind_addr; }, 0, 0, address_refusal},
    Key{"network.idle_timeout_secs", "RSTMDB_IDLE_TIMEOUT",
        [](Config& c) -> Key::Place { return &c.network.idle_timeout_secs; }, 1, kDaySecs},
    Key{"network.max_connections", "RSTMDB_MAX_CONNECTIONS",
        [](Config& c) -> Key::Place { return &c.network.max_connections; }, 1, 100'000},

    Key{"storage.data_dir", "RSTMDB_DATA",
        [](Config& c) -> Key::Place { return &c.storage.data_dir; }, 0, 0, path_refusal},
    Key{"storage.wal_segment_size_mb", "RSTMDB_WAL_SEGMENT_SIZE_MB",
        [](Config& c) -> Key::Place { return &c.storage.wal_segment_size_mb; }, 1, 4'096},
    Key{"storage.fsync_policy", "RSTMDB_FSYNC_POLICY",
        [](Config& c) -> Key::Place { return &c.storage.fsync_policy; }},
    Key{"storage.min_free_mb", "RSTMDB_MIN_FREE_MB",
        [](Config& c) -> Key::Place { return &c.storage.min_free_mb; }, 0, 16'777'216},
    Key{"storage.max_memory_mb", "RSTMDB_MAX_MEMORY_MB",
        [](Config& c) -> Key::Place { return &c.storage.max_memory_mb; }, 0, 16'777'216},
    Key{"storage.on_log_failure", "RSTMDB_ON_LOG_FAILURE",
        [](Config& c) -> Key::Place { return &c.storage.on_log_failure; }},
    Key{"storage.max_machine_versions", "RSTMDB_MAX_MACHINE_VERSIONS",
        [](Config& c) -> Key::Place { return &c.storage.max_machine_versions; }, 1, 1'000'000},
    Key{"storage.idempotency_ttl_secs", "",
        [](Config& c) -> Key::Place { return &c.storage.idempotency_ttl_secs; }, 1, 365 * kDaySecs},
    Key{"storage.idempotency_keys_max", "",
        [](Config& c) -> Key::Place { return &c.storage.idempotency_keys_max; }, 1, 100'000'000},
    Key{"storage.allow_flush_all", "",
        [](Config& c) -> Key::Place { return &c.storage.allow_flush_all; }},

    Key{"auth.required", "RSTMDB_AUTH_REQUIRED",
        [](Config& c) -> Key::Place { return &c.auth.required; }},
    Key{"auth.token_hashes", "RSTMDB_AUTH_TOKEN_HASH",
        [](Config& c) -> Key::Place { return &c.auth.tokens; }, 0, 0, nullptr, kTaken},
    Key{"auth.secrets_file", "RSTMDB_AUTH_SECRETS_FILE",
        [](Config& c) -> Key::Place { return &c.auth.secrets_file; }, 0, 0, path_refusal, kTaken},
    Key{"auth.certificates", "",
        [](Config& c) -> Key::Place { return &c.auth.certificates; }, 0, 0, nullptr, kTaken},

    Key{"tls.enabled", "RSTMDB_TLS_ENABLED",
        [](Config& c) -> Key::Place { return &c.tls.enabled; }},
    Key{"tls.cert_path", "RSTMDB_TLS_CERT",
        [](Config& c) -> Key::Place { return &c.tls.cert_path; }, 0, 0, path_refusal, kTaken},
    Key{"tls.key_path", "RSTMDB_TLS_KEY",
        [](Config& c) -> Key::Place { return &c.tls.key_path; }, 0, 0, path_refusal, kTaken},
    Key{"tls.require_client_cert", "RSTMDB_TLS_REQUIRE_CLIENT_CERT",
        [](Config& c) -> Key::Place { return &c.tls.require_client_cert; }},
    Key{"tls.client_ca_path", "RSTMDB_TLS_CLIENT_CA",
        [](Config& c) -> Key::Place { return &c.tls.client_ca_path; }, 0, 0, path_refusal, kTaken},
    Key{"tls.client_crl_path", "",
        [](Config& c) -> Key::Place { return &c.tls.client_crl_path; }, 0, 0, path_refusal, kTaken},

    Key{"compaction.enabled", "RSTMDB_COMPACT_ENABLED",
        [](Config& c) -> Key::Place { return &c.compaction.enabled; }},
    Key{"compaction.events_threshold", "RSTMDB_COMPACT_EVENTS",
        [](Config& c) -> Key::Place { return &c.compaction.events_threshold; }, 1,
        1'000'000'000'000},
    Key{"compaction.size_threshold_mb", "RSTMDB_COMPACT_SIZE_MB",
        [](Config& c) -> Key::Place { return &c.compaction.size_threshold_mb; }, 1, 16'777'216},
    Key{"compaction.min_interval_secs", "RSTMDB_COMPACT_INTERVAL",
        [](Config& c) -> Key::Place { return &c.compaction.min_interval_secs; }, 1, 30 * kDaySecs},

    Key{"metrics.enabled", "RSTMDB_METRICS_ENABLED",
        [](Config& c) -> Key::Place { return &c.metrics.enabled; }},
    Key{"metrics.bind_addr", "RSTMDB_METRICS_BIND",
        [](Config& c) -> Key::Place { return &c.metrics.bind_addr; }, 0, 0, address_refusal},

    Key{"http.enabled", "RSTMDB_HTTP_ENABLED",
        [](Config& c) -> Key::Place { return &c.http.enabled; }},
    Key{"http.bind_addr", "RSTMDB_HTTP_BIND",
        [](Config& c) -> Key::Place { return &c.http.bind_addr; }, 0, 0, address_refusal},
    Key{"http.console", "RSTMDB_HTTP_CONSOLE",
        [](Config& c) -> Key::Place { return &c.http.console; }},

    Key{"logging.level", "",
        [](Config& c) -> Key::Place { return &c.logging.level; }, 0, 0, nullptr, kTaken},
    Key{"logging.format", "RSTMDB_LOG_FORMAT",
        [](Config& c) -> Key::Place { return &c.logging.format; }},
};
// clang-format on

Error refused(std::string reason) { return Error(Code::kBadRequest, std::move(reason)); }

Result<uint64_t> number_of(std::string_view text, uint64_t least, uint64_t most) {
  const std::string bounds =
      "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || end != text.data() + text.size() || failure == std::errc::invalid_argument)
    return refused("is not " + bounds);
  if (text.size() > 1 && text.front() == '0')
    return refused("begins with 0, which some read as octal; write " + bounds);
  if (failure != std::errc() || number < least || number > most)
    return refused("is out of bounds: " + bounds);
  return number;
}

Result<FsyncPolicy> policy_of(std::string_view text) {
  using Kind = FsyncPolicy::Kind;
  if (text == "every_write") return FsyncPolicy{Kind::kEveryWrite, 0};
  if (text == "never") return FsyncPolicy{Kind::kNever, 0};
  const size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  if (colon != std::string_view::npos && (kind == "every_n" || kind == "every_ms")) {
    const bool by_count = kind == "every_n";
    auto amount = number_of(text.substr(colon + 1), 1, by_count ? kEveryNMax : kEveryMsMax);
    if (!amount) return refused(std::string(kind) + " " + amount.error().message());
    return FsyncPolicy{by_count ? Kind::kEveryN : Kind::kEveryMs, *amount};
  }
  return refused("is none of every_write, never, every_n with a count, every_ms with a time");
}

/// Sets a place of each type; the overloads that std::visit chooses from.
struct Assigner {
  const Key& key;
  std::string_view text;

  Result<void> operator()(std::string* place) const {
    std::string reason = key.refusal(text);
    if (!reason.empty()) return refused(std::move(reason));
    *place = text;
    return {};
  }
  Result<void> operator()(bool* place) const {
    if (text != "true" && text != "false") return refused("is neither true nor false");
    *place = text == "true";
    return {};
  }
  Result<void> operator()(uint64_t* place) const {
    RSTMDB_ASSIGN(*place, number_of(text, key.least, key.most));
    return {};
  }
  Result<void> operator()(FsyncPolicy* place) const {
    RSTMDB_ASSIGN(*place, policy_of(text));
    return {};
  }
  Result<void> operator()(std::vector<TokenEntry>* place) const {
    RSTMDB_ASSIGN(TokenEntry token, parse_token(text));
    for (const TokenEntry& other : *place) {
      if (other.digest == token.digest) return refused("has a hash that is there already");
      if (other.name == token.name)
        return refused("has the name of another token, " + token.name + "; give one with name=");
    }
    if (place->size() >= limits::kTokenHashesMax) return refused("has too many hashes");
    place->push_back(std::move(token));
    return {};
  }
  Result<void> operator()(std::vector<CertificateEntry>* place) const {
    RSTMDB_ASSIGN(CertificateEntry certificate, parse_certificate(text));
    for (const CertificateEntry& other : *place)
      if (other.subject == certificate.subject) return refused("has a subject twice");
    if (place->size() >= limits::kCertificatesMax) return refused("has too many certificates");
    place->push_back(std::move(certificate));
    return {};
  }
  Result<void> operator()(Level* place) const {
    const auto level = level_of(text);
    if (!level) return refused("is none of trace, debug, info, warn, error");
    *place = *level;
    return {};
  }
  Result<void> operator()(LogFormat* place) const {
    if (text != "json" && text != "pretty") return refused("is neither json nor pretty");
    *place = text == "json" ? LogFormat::kJson : LogFormat::kPretty;
    return {};
  }
  Result<void> operator()(OnLogFailure* place) const {
    if (text != "serve_reads" && text != "exit") return refused("is neither serve_reads nor exit");
    *place = text == "exit" ? OnLogFailure::kExit : OnLogFailure::kServeReads;
    return {};
  }
};

struct Shower {
  std::string operator()(const std::string* place) const { return *place; }
  std::string operator()(const bool* place) const { return *place ? "true" : "false"; }
  std::string operator()(const uint64_t* place) const { return std::to_string(*place); }
  std::string operator()(const FsyncPolicy* place) const { return to_text(*place); }
  std::string operator()(const std::vector<TokenEntry>* place) const {
    return std::to_string(place->size()) + (place->size() == 1 ? " hash" : " hashes");
  }
  std::string operator()(const std::vector<CertificateEntry>* place) const {
    return std::to_string(place->size()) + (place->size() == 1 ? " certificate" : " certificates");
  }
  std::string operator()(const Level* place) const { return std::string(level_name(*place)); }
  std::string operator()(const LogFormat* place) const {
    switch (*place) {
      case LogFormat::kAuto:
        return "pretty on a terminal, else json";
      case LogFormat::kJson:
        return "json";
      case LogFormat::kPretty:
        return "pretty";
    }
    return {};
  }
  std::string operator()(const OnLogFailure* place) const {
    return *place == OnLogFailure::kExit ? "exit" : "serve_reads";
  }
};

constexpr size_t kNameBytesCompared = 64;  // no known name is near to a longer one

/// Number of letters to insert, remove or replace to make one text of the other.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::span<const Key> keys() { return kKeys; }

const Key* find_key(std::string_view section, std::string_view own_name) {
  const auto* found = std::ranges::find_if(kKeys, [&](const Key& key) {
    return key.section() == section && key.own_name() == own_name;
  });
  return found == kKeys.end() ? nullptr : found;
}

bool is_section(std::string_view name) {
  return std::ranges::any_of(kKeys, [&](const Key& key) { return key.section() == name; });
}

std::string nearest_name(std::string_view section, std::string_view name) {
  if (name.size() > kNameBytesCompared) return "";
  size_t best = name.size() / 3 + 2;  // a name further away than this is another name
  std::string nearest;
  const auto consider = [&](std::string_view candidate, size_t handicap, std::string_view shown) {
    const size_t far = distance(name, candidate) + handicap;
    if (far >= best) return;
    best = far;
    nearest = shown;
  };
  for (const Key& key : kKeys) {
    if (section.empty()) consider(key.section(), 0, key.section());
    if (key.section() == section)
      consider(key.own_name(), 0, key.own_name());
    else
      consider(key.own_name(), 1, key.name);
  }
  return nearest;
}

std::string nearest_variable(std::string_view name) {
  if (name.size() > kNameBytesCompared) return "";
  constexpr size_t kFurthest = 4;  // all begin alike
  size_t best = kFurthest + 1;
  std::string nearest;
  for (const Key& key : kKeys) {
    const size_t far = distance(name, key.variable);
    if (key.variable.empty() || far >= best) continue;
    best = far;
    nearest = key.variable;
  }
  return nearest;
}

Result<void> assign(const Key& key, Config& config, std::string_view text) {
  return std::visit(Assigner{key, text}, key.place(config));
}

void copy_value(const Key& key, const Config& from, Config& to) {
  const auto copy = [&]<class T>(T* target) {
    *target = *std::get<T*>(key.place(const_cast<Config&>(from)));
  };
  std::visit(copy, key.place(to));
}

std::string show(const Key& key, const Config& config) {
  return std::visit(Shower{}, key.place(const_cast<Config&>(config)));
}

std::string to_text(const FsyncPolicy& policy) {
  switch (policy.kind) {
    case FsyncPolicy::Kind::kEveryWrite:
      return "every_write";
    case FsyncPolicy::Kind::kNever:
      return "never";
    case FsyncPolicy::Kind::kEveryN:
      return "every_n:" + std::to_string(policy.amount);
    case FsyncPolicy::Kind::kEveryMs:
      return "every_ms:" + std::to_string(policy.amount);
  }
  return {};
}

}  // namespace rstmdb::config
