// More than a hundred files that must not start a server, each refused with the key and the line.
#include <gtest/gtest.h>

#include "config/config.h"

namespace rstmdb::config {
namespace {

#define H "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define G "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

struct Bad {
  const char* text;
  const char* key;  // detail key, "" when no key is at fault
  int line;
  const char* says = "";  // stands in the message
};

const Bad kBad[] = {
    // Unknown names, with the nearest known one.
    {"netwrok: {}", "netwrok", 1, "did you mean network?"},
    {"Network: {}", "Network", 1, "did you mean network?"},
    {"server: {}", "server", 1, "not a known section"},
    {"bind_addr: 127.0.0.1:1", "bind_addr", 1, "did you mean network.bind_addr?"},
    {"data_dir: x", "data_dir", 1, "did you mean storage.data_dir?"},
    {"network:\n  max_conections: 5", "network.max_conections", 2, "did you mean max_connections?"},
    {"network:\n  bind_adr: x", "network.bind_adr", 2, "did you mean bind_addr?"},
    {"network:\n  bind-addr: x", "network.bind-addr", 2, "did you mean bind_addr?"},
    {"network:\n  idle_timeout: 5", "network.idle_timeout", 2, "did you mean"},
    {"network:\n  data_dir: x", "network.data_dir", 2, "did you mean storage.data_dir?"},
    {"network:\n  whatever_is_this: 5", "network.whatever_is_this", 2, "not a known key"},
    {"network:\n  \"\": 5", "network.", 2, "not a known key"},
    {"storage:\n  fsync: never", "storage.fsync", 2, "not a known key"},
    {"storage:\n  fsync_polcy: never", "storage.fsync_polcy", 2, "did you mean fsync_policy?"},
    {"storage:\n  segment_size: 5", "storage.segment_size", 2, "not a known key"},
    {"auth:\n  require: true", "auth.require", 2, "did you mean required?"},
    {"auth:\n  tokens: []", "auth.tokens", 2, "not a known key"},
    {"tls:\n  enable: true", "tls.enable", 2, "did you mean enabled?"},
    {"tls:\n  cert: x", "tls.cert", 2, "not a known key"},
    {"compaction:\n  interval: 1", "compaction.interval", 2, "not a known key"},
    {"metrics:\n  port: 1", "metrics.port", 2, "not a known key"},
    {"http:\n  port: 8080", "http.port", 2, "not a known key"},
    {"http:\n  bind: 127.0.0.1:1", "http.bind", 2, "not a known key"},
    {"http:\n  consol: false", "http.consol", 2, "did you mean console?"},
    {"logging:\n  levle: info", "logging.levle", 2, "did you mean level?"},
    {"logging: {level: info}\nlimits: {}", "limits", 2, "not a known section"},

    // The same key twice.
    {"network: {}\nnetwork: {}", "network", 2, "first in line 1"},
    {"network:\n  max_connections: 1\n  max_connections: 1", "max_connections", 3, "in line 2"},
    {"network: {max_connections: 1, \"max_connections\": 2}", "max_connections", 1, "twice"},
    {"storage:\n  data_dir: a\nlogging:\n  level: info\nstorage:\n  data_dir: b", "storage", 5,
     "first in line 1"},
    {"storage: {fsync_policy: {every_n: 1, every_n: 2}}", "every_n", 1, "twice"},

    // Wrong shapes.
    {"just text", "", 1, "not a map"},
    {"- network", "", 1, "not a map"},
    {"42", "", 1, "not a map"},
    {"network", "", 1, "not a map"},
    {"network: 5", "network", 1, "not a map"},
    {"network: true", "network", 1, "not a map"},
    {"network: [a]", "network", 1, "not a map"},
    {"network:\n  - bind_addr: x", "network", 2, "not a map"},
    {"network:\n  bind_addr: [a]", "network.bind_addr", 2, "not a single value"},
    {"network:\n  bind_addr: {a: b}", "network.bind_addr", 2, "not a single value"},
    {"network:\n  bind_addr:", "network.bind_addr", 2, "has no value"},
    {"network:\n  bind_addr: ~", "network.bind_addr", 2, "has no value"},
    {"network:\n  max_connections: null", "network.max_connections", 2, "has no value"},
    {"network:\n  max_connections: [5]", "network.max_connections", 2, "not a single value"},
    {"auth:\n  token_hashes: abc", "auth.token_hashes", 2, "not a list"},
    {"auth:\n  token_hashes: {a: b}", "auth.token_hashes", 2, "not a list"},
    {"auth:\n  token_hashes:\n    - [a]", "auth.token_hashes", 3, "no text"},
    {"auth:\n  token_hashes:\n    - ", "auth.token_hashes", 3, "no text"},
    {"auth:\n  required: [true]", "auth.required", 2, "not a single value"},
    {"? [a, b]\n: c", "", 1, "no name"},
    {"? {a: b}\n: c", "", 1, "no name"},
    {"network:\n  ~: 5", "", 2, "no name"},

    // Numbers.
    {"network:\n  max_connections: many", "network.max_connections", 2, "whole number from 1 to"},
    {"network:\n  max_connections: 0", "network.max_connections", 2, "out of bounds"},
    {"network:\n  max_connections: 100001", "network.max_connections", 2, "from 1 to 100000"},
    {"network:\n  max_connections: -1", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: +1", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: 1.0", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: 1e3", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: 1_000", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: 1,000", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: 0x10", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: 0o10", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: 010", "network.max_connections", 2, "octal"},
    {"network:\n  max_connections: 00", "network.max_connections", 2, "octal"},
    {"network:\n  max_connections: .inf", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: .nan", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: true", "network.max_connections", 2, "whole number"},
    {"network:\n  max_connections: \"5\"", "network.max_connections", 2, "in quotes"},
    {"network:\n  max_connections: '5'", "network.max_connections", 2, "in quotes"},
    {"network:\n  max_connections: ''", "network.max_connections", 2, "in quotes"},
    {"network:\n  max_connections: |\n    5", "network.max_connections", 2, "in quotes"},
    {"network:\n  max_connections: 18446744073709551616", "network.max_connections", 2, "bounds"},
    {"network:\n  max_connections: 99999999999999999999999", "network.max_connections", 2,
     "bounds"},
    {"network:\n  max_connections: 5 connections", "network.max_connections", 2, "whole number"},
    {"network:\n  idle_timeout_secs: 0", "network.idle_timeout_secs", 2, "out of bounds"},
    {"network:\n  idle_timeout_secs: 86401", "network.idle_timeout_secs", 2, "out of bounds"},
    {"network:\n  idle_timeout_secs: 5m", "network.idle_timeout_secs", 2, "whole number"},
    {"storage:\n  wal_segment_size_mb: 0", "storage.wal_segment_size_mb", 2, "out of bounds"},
    {"storage:\n  wal_segment_size_mb: 4097", "storage.wal_segment_size_mb", 2, "out of bounds"},
    {"storage:\n  wal_segment_size_mb: 64MB", "storage.wal_segment_size_mb", 2, "whole number"},
    {"storage:\n  min_free_mb: -1", "storage.min_free_mb", 2, "whole number"},
    {"storage:\n  min_free_mb: 16777217", "storage.min_free_mb", 2, "out of bounds"},
    {"storage:\n  on_log_failure: stop", "storage.on_log_failure", 2, "neither"},
    {"storage:\n  max_memory_mb: -1", "storage.max_memory_mb", 2, "whole number"},
    {"storage:\n  max_memory_mb: 16777217", "storage.max_memory_mb", 2, "out of bounds"},
    {"storage:\n  max_machine_versions: 0", "storage.max_machine_versions", 2, "out of bounds"},
    {"storage:\n  max_machine_versions: 1000001", "storage.max_machine_versions", 2, "bounds"},
    {"storage:\n  idempotency_ttl_secs: 0", "storage.idempotency_ttl_secs", 2, "out of bounds"},
    {"storage:\n  idempotency_ttl_secs: 31536001", "storage.idempotency_ttl_secs", 2, "bounds"},
    {"storage:\n  idempotency_keys_max: 0", "storage.idempotency_keys_max", 2, "out of bounds"},
    {"storage:\n  idempotency_keys_max: 100000001", "storage.idempotency_keys_max", 2, "bounds"},
    {"compaction:\n  events_threshold: 0", "compaction.events_threshold", 2, "out of bounds"},
    {"compaction:\n  size_threshold_mb: 0", "compaction.size_threshold_mb", 2, "out of bounds"},
    {"compaction:\n  min_interval_secs: 0", "compaction.min_interval_secs", 2, "out of bounds"},
    {"compaction:\n  min_interval_secs: 9999999", "compaction.min_interval_secs", 2, "bounds"},

    // Booleans.
    {"auth:\n  required: yes", "auth.required", 2, "neither true nor false"},
    {"auth:\n  required: on", "auth.required", 2, "neither true nor false"},
    {"auth:\n  required: True", "auth.required", 2, "neither true nor false"},
    {"auth:\n  required: TRUE", "auth.required", 2, "neither true nor false"},
    {"auth:\n  required: y", "auth.required", 2, "neither true nor false"},
    {"auth:\n  required: 1", "auth.required", 2, "neither true nor false"},
    {"auth:\n  required: \"true\"", "auth.required", 2, "in quotes"},
    {"storage:\n  allow_flush_all: no", "storage.allow_flush_all", 2, "neither"},
    {"tls:\n  enabled: off", "tls.enabled", 2, "neither true nor false"},
    {"tls:\n  require_client_cert: maybe", "tls.require_client_cert", 2, "neither"},
    {"compaction:\n  enabled: 0", "compaction.enabled", 2, "neither true nor false"},
    {"metrics:\n  enabled: enabled", "metrics.enabled", 2, "neither true nor false"},

    // Texts.
    {"network:\n  bind_addr: 7401", "network.bind_addr", 2, "not an address"},
    {"network:\n  bind_addr: localhost", "network.bind_addr", 2, "port is missing"},
    {"network:\n  bind_addr: :7401", "network.bind_addr", 2, "host is missing"},
    {"network:\n  bind_addr: ''", "network.bind_addr", 2, "not an address"},
    {"network:\n  bind_addr: localhost:70000", "network.bind_addr", 2, "0 to 65535"},
    {"network:\n  bind_addr: ::1:7401", "network.bind_addr", 2, "brackets"},
    {"network:\n  bind_addr: http://localhost:7401", "network.bind_addr", 2, "not an address"},
    {"metrics:\n  bind_addr: 9090", "metrics.bind_addr", 2, "not an address"},
    {"storage:\n  data_dir: ''", "storage.data_dir", 2, "is empty"},
    {"storage:\n  data_dir: \"a\\0b\"", "storage.data_dir", 2, "control character"},
    {"storage:\n  data_dir: \"a\\nb\"", "storage.data_dir", 2, "control character"},
    {"auth:\n  secrets_file: ''", "auth.secrets_file", 2, "is empty"},
    {"tls:\n  cert_path: ''", "tls.cert_path", 2, "is empty"},
    {"tls:\n  key_path: ''", "tls.key_path", 2, "is empty"},
    {"tls:\n  client_ca_path: ''", "tls.client_ca_path", 2, "is empty"},
    {"logging:\n  level: verbose", "logging.level", 2, "none of trace"},
    {"logging:\n  level: INFO", "logging.level", 2, "none of trace"},
    {"logging:\n  level: warning", "logging.level", 2, "none of trace"},
    {"logging:\n  format: text", "logging.format", 2, "neither json nor pretty"},
    {"logging:\n  format: auto", "logging.format", 2, "neither json nor pretty"},
    {"auth:\n  token_hashes: [abc]", "auth.token_hashes", 2, "64 hex digits"},
    {"auth:\n  token_hashes:\n    - ''", "auth.token_hashes", 3, "64 hex digits"},
    {"auth:\n  token_hashes:\n    - "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaag",
     "auth.token_hashes", 3, "64 hex digits"},
    {"auth:\n  token_hashes:\n    - "
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "auth.token_hashes", 3, "64 hex digits"},

    // Tokens and certificates: what is wrong is said without showing a hash or a token.
    {"auth:\n  token_hashes:\n    - " H " name=", "auth.token_hashes", 3, "1 to 64 letters"},
    {"auth:\n  token_hashes:\n    - " H " name=a/b", "auth.token_hashes", 3, "1 to 64 letters"},
    {"auth:\n  token_hashes:\n    - " H " name=" H "x", "auth.token_hashes", 3, "1 to 64 letters"},
    {"auth:\n  token_hashes:\n    - " H " role=", "auth.token_hashes", 3, "none of read, write"},
    {"auth:\n  token_hashes:\n    - " H " role=root", "auth.token_hashes", 3, "none of read"},
    {"auth:\n  token_hashes:\n    - " H " role=Read", "auth.token_hashes", 3, "none of read"},
    {"auth:\n  token_hashes:\n    - " H " rol=read", "auth.token_hashes", 3, "word 2 (rol=)"},
    {"auth:\n  token_hashes:\n    - " H " name=a hunter2", "auth.token_hashes", 3, "word 3 that"},
    {"auth:\n  token_hashes:\n    - " H " SGVsbG8=", "auth.token_hashes", 3, "word 2 that"},
    {"auth:\n  token_hashes:\n    - " H " role=read role=read", "auth.token_hashes", 3, "twice"},
    {"auth:\n  token_hashes:\n    - name=a " H, "auth.token_hashes", 3, "64 hex digits"},
    {"auth:\n  token_hashes: [" H ", " H "]", "auth.token_hashes", 2, "there already"},
    {"auth:\n  token_hashes: [" H " name=a, " G " name=a]", "auth.token_hashes", 2, "token, a;"},
    {"auth:\n  token_hashes:\n    - " H " expires=never", "auth.token_hashes", 3, "RFC 3339"},
    {"auth:\n  token_hashes:\n    - " H " expires=2027-02-30T00:00:00Z", "auth.token_hashes", 3,
     "RFC 3339"},
    {"auth:\n  token_hashes:\n    - " H " expires=2027-01-01T00:00:00", "auth.token_hashes", 3,
     "RFC 3339"},
    {"auth:\n  token_hashes:\n    - " H " expires=1798761600", "auth.token_hashes", 3, "RFC 3339"},
    {"auth:\n  secrets_file: [a]", "auth.secrets_file", 2, "not a single value"},
    {"auth:\n  certificates: CN=a role=read", "auth.certificates", 2, "not a list"},
    {"auth:\n  certificates:\n    - {CN: a}", "auth.certificates", 3, "no text"},
    {"auth:\n  certificates:\n    - ''", "auth.certificates", 3, "followed by role=read"},
    {"auth:\n  certificates:\n    - CN=a", "auth.certificates", 3, "followed by role=read"},
    {"auth:\n  certificates:\n    - role=read", "auth.certificates", 3, "followed by role=read"},
    {"auth:\n  certificates:\n    - CN=a role=", "auth.certificates", 3, "none of read, write"},
    {"auth:\n  certificates:\n    - CN=a role=owner", "auth.certificates", 3, "none of read"},
    {"auth:\n  certificates:\n    - CN=a role=read x", "auth.certificates", 3, "followed by"},
    {"auth:\n  certificates:\n    - billing role=read", "auth.certificates", 3, "is none, such as"},
    {"auth:\n  certificates: [CN=a role=read, CN=a role=write]", "auth.certificates", 2, "twice"},
    {"auth:\n  certificate: []", "auth.certificate", 2, "did you mean certificates?"},
    {"tls:\n  client_crl_path: ''", "tls.client_crl_path", 2, "is empty"},
    {"tls:\n  client_crl_path: [a]", "tls.client_crl_path", 2, "not a single value"},
    {"tls:\n  client_crl_path: ~", "tls.client_crl_path", 2, "has no value"},
    {"tls:\n  crl_path: a", "tls.crl_path", 2, "not a known key"},

    // The fsync policy.
    {"storage:\n  fsync_policy: always", "storage.fsync_policy", 2, "none of every_write"},
    {"storage:\n  fsync_policy: every_n", "storage.fsync_policy", 2, "none of every_write"},
    {"storage:\n  fsync_policy: every_n:5", "storage.fsync_policy", 2, "{every_n: N}"},
    {"storage:\n  fsync_policy: [every_write]", "storage.fsync_policy", 2, "not a single value"},
    {"storage:\n  fsync_policy: {}", "storage.fsync_policy", 2, "{every_n: N}"},
    {"storage:\n  fsync_policy: {every_n: 1, every_ms: 1}", "storage.fsync_policy", 2, "N}"},
    {"storage:\n  fsync_policy: {every_n: 0}", "storage.fsync_policy", 2, "out of bounds"},
    {"storage:\n  fsync_policy: {every_n: 1000001}", "storage.fsync_policy", 2, "out of bounds"},
    {"storage:\n  fsync_policy: {every_ms: 60001}", "storage.fsync_policy", 2, "out of bounds"},
    {"storage:\n  fsync_policy: {every_ms: 010}", "storage.fsync_policy", 2, "octal"},
    {"storage:\n  fsync_policy: {every_ms: '5'}", "storage.fsync_policy", 2, "N}"},
    {"storage:\n  fsync_policy: {every_ms: [5]}", "storage.fsync_policy", 2, "N}"},
    {"storage:\n  fsync_policy: {every_n: }", "storage.fsync_policy", 2, "N}"},
    {"storage:\n  fsync_policy: {every_day: 1}", "storage.fsync_policy", 2, "none of every_write"},
    {"storage:\n  fsync_policy:\n    every_n: x", "storage.fsync_policy", 3, "whole number"},

    // YAML that makes a reader guess, or is none.
    {"network: &a {}\nstorage: *a", "", 1, "anchor"},
    {"network:\n  bind_addr: &a x:1", "", 2, "anchor"},
    {"a: &a [x]\nb: [*a, *a, *a]", "", 1, "anchor"},
    {"network: {<<: {}}", "network.<<", 1, "not a known key"},
    {"network: *missing", "", 1},
    {"network: !!map {}", "", 1, "tag"},
    {"network:\n  max_connections: !!int 5", "", 2, "tag"},
    {"network:\n  bind_addr: !custom x:1", "", 2, "tag"},
    {"network: {}\n---\nstorage: {}", "", 2, "second document"},
    {"---\n---\nnetwork: {}", "", 2, "second document"},
    {"network: {}\n...\nstorage: {}", "", 3, "second document"},
    {"network: {", "", 1},
    {"network: {]", "", 1},
    {"network: [", "", 1},
    {"network:\n\tbind_addr: x:1", "", 2},
    {"network:\n  bind_addr: \"x:1", "", 2},
    {"network:\n    bind_addr: x:1\n  max_connections: 5", "", 3},
    {"network: {}}", "", 1},
    {"network: a: b", "", 1},
    {"@network: {}", "", 1},
    {"network: `x`", "", 1},
    {"%YAML 9.9\n---\nnetwork: 5", "", 1},
    {"network:\n  bind_addr: x\x01y:1", "", 2, "control character"},
    {"a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}", "", 1, "nested too deep"},
    {"[[[[[[[[[[", "", 1},
};

TEST(BadConfig, EveryOneIsRefusedWithItsKeyAndLine) {
  EXPECT_GT(std::size(kBad), 100u);
  for (const Bad& bad : kBad) {
    const auto loaded = read_settings(bad.text, "test.yaml", {});
    ASSERT_FALSE(loaded.ok()) << bad.text;
    const Error& error = loaded.error();
    EXPECT_EQ(error.code(), Code::kBadRequest) << bad.text;
    EXPECT_EQ(error.detail("key"), bad.key) << bad.text << "\n" << error.to_string();
    EXPECT_EQ(error.detail_number("line", -1), bad.line) << bad.text << "\n" << error.to_string();
    EXPECT_GT(error.detail_number("column", -1), 0) << bad.text;
    EXPECT_EQ(error.detail("file"), "test.yaml");
    EXPECT_TRUE(error.message().starts_with("test.yaml:" + std::to_string(bad.line) + ":"))
        << error.message();
    EXPECT_NE(error.message().find(bad.says), std::string::npos) << bad.text << "\n"
                                                                 << error.message();
    for (const char* secret : {H, G, "hunter2", "SGVsbG8"})
      EXPECT_EQ(error.to_string().find(secret), std::string::npos) << error.to_string();
  }
}

TEST(BadConfig, BytesThatAreNoTextAreRefusedWithTheirLine) {
  const std::string with_nul("network: {}\n\0", 13);
  const std::string utf16("n\0e\0t\0", 6);
  for (const std::string& text : {with_nul, utf16}) {
    const auto loaded = read_settings(text, "x", {});
    ASSERT_FALSE(loaded.ok());
    EXPECT_NE(loaded.error().message().find("control character"), std::string::npos);
  }
}

}  // namespace
}  // namespace rstmdb::config
