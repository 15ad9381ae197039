#include "config/config.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "config/keys.h"

namespace rstmdb::config {
namespace {

const std::string kHash(64, 'a');

Sha256 digest_of(int byte) {
  Sha256 digest;
  digest.fill(static_cast<char>(byte));
  return digest;
}

std::vector<Sha256> digests(const Config& config) {
  std::vector<Sha256> all;
  for (const TokenEntry& token : config.auth.tokens) all.push_back(token.digest);
  return all;
}

/// A folder of its own for each test, gone with it.
class ConfigFiles : public testing::Test {
 protected:
  ConfigFiles() {
    std::string pattern = std::filesystem::temp_directory_path() / "rstmdb_config_XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~ConfigFiles() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = folder / name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  std::filesystem::path folder;
};

std::string origin_of(const Loaded& loaded, std::string_view key) {
  const auto found = std::ranges::find(loaded.settings, key, &Setting::key);
  return found == loaded.settings.end() ? "(none)" : found->origin;
}

TEST(Settings, DefaultsAreThoseOfThePage) {
  const auto loaded = read_settings("", "x.yaml", {});
  ASSERT_TRUE(loaded.ok());
  const Config& c = loaded->config;
  EXPECT_EQ(c.network.bind_addr, "127.0.0.1:7401");
  EXPECT_EQ(c.network.idle_timeout_secs, 300u);
  EXPECT_EQ(c.network.max_connections, 1000u);
  EXPECT_EQ(c.storage.data_dir, "./data");
  EXPECT_EQ(c.storage.wal_segment_size_mb, 64u);
  EXPECT_EQ(c.storage.fsync_policy, FsyncPolicy{});
  EXPECT_EQ(c.storage.max_machine_versions, 1000u);
  EXPECT_EQ(c.storage.idempotency_ttl_secs, 86'400u);
  EXPECT_EQ(c.storage.idempotency_keys_max, 1'000'000u);
  EXPECT_FALSE(c.storage.allow_flush_all);
  EXPECT_FALSE(c.auth.required);
  EXPECT_EQ(c.logging.level, Level::kInfo);
  EXPECT_EQ(c.logging.format, LogFormat::kAuto);
  EXPECT_EQ(loaded->settings.size(), keys().size());
  for (const Setting& setting : loaded->settings) EXPECT_EQ(setting.origin, "default");
}

TEST(Settings, EveryKeyIsReadFromTheFile) {
  const std::string text = R"(
network: {bind_addr: "[::1]:9", idle_timeout_secs: 1, max_connections: 100000}
storage:
  data_dir: /var/lib/x
  wal_segment_size_mb: 4096
  fsync_policy: {every_n: 10}
  min_free_mb: 0
  max_memory_mb: 512
  on_log_failure: exit
  max_machine_versions: 7
  idempotency_ttl_secs: 60
  idempotency_keys_max: 5
  allow_flush_all: true
auth:
  required: true
  token_hashes:
    - )" + std::string(64, 'A') +
                           R"(
    - ")" + std::string(64, '0') +
                           R"( name=billing role=read expires=2027-01-01T00:00:00Z"
  secrets_file: 'secrets'
  certificates: ['CN=ship it,O=Acme\, Inc role=write']
tls:
  enabled: true
  cert_path: c
  key_path: k
  require_client_cert: true
  client_ca_path: a
  client_crl_path: r
compaction: {enabled: true, events_threshold: 1, size_threshold_mb: 2, min_interval_secs: 3}
metrics: {enabled: true, bind_addr: localhost:1}
http: {enabled: false, bind_addr: localhost:2, console: false}
logging: {level: debug, format: json}
)";
  const auto loaded = read_settings(text, "dir/x.yaml", {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().to_string();
  const Config& c = loaded->config;
  EXPECT_EQ(c.network.bind_addr, "[::1]:9");
  EXPECT_EQ(c.network.max_connections, 100'000u);
  EXPECT_EQ(c.storage.fsync_policy, (FsyncPolicy{FsyncPolicy::Kind::kEveryN, 10}));
  EXPECT_EQ(c.storage.min_free_mb, 0u);
  EXPECT_EQ(c.storage.max_memory_mb, 512u);
  EXPECT_EQ(c.storage.on_log_failure, OnLogFailure::kExit);
  EXPECT_TRUE(c.storage.allow_flush_all);
  ASSERT_EQ(c.auth.tokens.size(), 2u);
  EXPECT_EQ(c.auth.tokens[0], (TokenEntry{digest_of(0xaa), "token:aaaaaaaa", Role::kAdmin, 0}));
  EXPECT_EQ(c.auth.tokens[1],
            (TokenEntry{digest_of(0), "billing", Role::kRead, 1'798'761'600'000}));
  ASSERT_EQ(c.auth.certificates.size(), 1u);
  EXPECT_EQ(c.auth.certificates[0], (CertificateEntry{"CN=ship it,O=Acme\\, Inc", Role::kWrite}));
  EXPECT_EQ(c.tls.client_ca_path, "a");
  EXPECT_EQ(c.tls.client_crl_path, "r");
  EXPECT_EQ(c.compaction.min_interval_secs, 3u);
  EXPECT_EQ(c.metrics.bind_addr, "localhost:1");
  EXPECT_FALSE(c.http.enabled);
  EXPECT_EQ(c.http.bind_addr, "localhost:2");
  EXPECT_TRUE(c.http.address_chosen);
  EXPECT_FALSE(c.http.console);
  EXPECT_EQ(c.logging.level, Level::kDebug);
  EXPECT_EQ(c.logging.format, LogFormat::kJson);
  for (const Setting& setting : loaded->settings)
    EXPECT_TRUE(setting.origin.starts_with("dir/x.yaml:")) << setting.key << setting.origin;
  EXPECT_EQ(origin_of(*loaded, "storage.fsync_policy"), "dir/x.yaml:6");
}

TEST(Settings, AnAddressOfHttpThatNobodyChoseIsKnownAsSuch) {
  const auto plain = read_settings("", "x", {});
  EXPECT_FALSE(plain->config.http.address_chosen);
  EXPECT_EQ(plain->config.http.bind_addr, "127.0.0.1:8080");
  EXPECT_TRUE(plain->config.http.enabled);
  EXPECT_TRUE(
      read_settings("http: {bind_addr: 127.0.0.1:8080}", "x", {})->config.http.address_chosen);
  EXPECT_TRUE(
      read_settings("", "x", {{"RSTMDB_HTTP_BIND", "[::1]:1"}})->config.http.address_chosen);
}

TEST(Settings, ASectionMayBeEmptyAndAFileToo) {
  for (const char* text : {"", "# nothing\n", "---\n", "network:\nstorage:\n", "~"})
    EXPECT_TRUE(read_settings(text, "x", {}).ok()) << text;
}

TEST(Settings, ReadsEachFsyncPolicy) {
  using Kind = FsyncPolicy::Kind;
  const std::pair<const char*, FsyncPolicy> cases[] = {
      {"every_write", {Kind::kEveryWrite, 0}}, {"never", {Kind::kNever, 0}},
      {"{every_n: 1}", {Kind::kEveryN, 1}},    {"{every_n: 1000000}", {Kind::kEveryN, 1'000'000}},
      {"{every_ms: 1}", {Kind::kEveryMs, 1}},  {"{every_ms: 60000}", {Kind::kEveryMs, 60'000}},
      {"\"never\"", {Kind::kNever, 0}}};
  for (const auto& [text, policy] : cases) {
    const auto loaded =
        read_settings("storage: {fsync_policy: " + std::string(text) + "}", "x", {});
    ASSERT_TRUE(loaded.ok()) << text;
    EXPECT_EQ(loaded->config.storage.fsync_policy, policy) << text;
    const auto again = read_settings("", "x", {{"RSTMDB_FSYNC_POLICY", to_text(policy)}});
    ASSERT_TRUE(again.ok()) << text;
    EXPECT_EQ(again->config.storage.fsync_policy, policy) << text;
  }
}

TEST(Settings, TheEnvironmentOverridesTheFile) {
  const std::pair<const char*, const char*> values[] = {{"RSTMDB_BIND", "0.0.0.0:1"},
                                                        {"RSTMDB_IDLE_TIMEOUT", "5"},
                                                        {"RSTMDB_MAX_CONNECTIONS", "6"},
                                                        {"RSTMDB_DATA", "elsewhere"},
                                                        {"RSTMDB_WAL_SEGMENT_SIZE_MB", "7"},
                                                        {"RSTMDB_FSYNC_POLICY", "every_ms:8"},
                                                        {"RSTMDB_MIN_FREE_MB", "14"},
                                                        {"RSTMDB_MAX_MEMORY_MB", "2048"},
                                                        {"RSTMDB_ON_LOG_FAILURE", "exit"},
                                                        {"RSTMDB_MAX_MACHINE_VERSIONS", "9"},
                                                        {"RSTMDB_AUTH_REQUIRED", "true"},
                                                        {"RSTMDB_AUTH_TOKEN_HASH", kHash.c_str()},
                                                        {"RSTMDB_AUTH_SECRETS_FILE", "s"},
                                                        {"RSTMDB_TLS_ENABLED", "true"},
                                                        {"RSTMDB_TLS_CERT", "c"},
                                                        {"RSTMDB_TLS_KEY", "k"},
                                                        {"RSTMDB_TLS_CLIENT_CA", "a"},
                                                        {"RSTMDB_TLS_REQUIRE_CLIENT_CERT", "true"},
                                                        {"RSTMDB_COMPACT_ENABLED", "true"},
                                                        {"RSTMDB_COMPACT_EVENTS", "10"},
                                                        {"RSTMDB_COMPACT_SIZE_MB", "11"},
                                                        {"RSTMDB_COMPACT_INTERVAL", "12"},
                                                        {"RSTMDB_METRICS_ENABLED", "true"},
                                                        {"RSTMDB_METRICS_BIND", "127.0.0.1:13"},
                                                        {"RSTMDB_HTTP_ENABLED", "false"},
                                                        {"RSTMDB_HTTP_BIND", "127.0.0.1:14"},
                                                        {"RSTMDB_HTTP_CONSOLE", "false"},
                                                        {"RSTMDB_LOG_FORMAT", "pretty"}};
  Environment environment;
  for (const auto& [variable, value] : values) environment.emplace(variable, value);
  const auto loaded = read_settings(
      "auth: {token_hashes: [" + std::string(64, 'b') + "]}\nnetwork: {max_connections: 2}", "x",
      environment);
  ASSERT_TRUE(loaded.ok()) << loaded.error().to_string();
  size_t from_environment = 0;
  for (const Key& key : keys()) {
    if (key.variable.empty()) continue;
    ++from_environment;
    EXPECT_EQ(origin_of(*loaded, key.name), key.variable);
    const auto& value = environment.find(key.variable);
    ASSERT_NE(value, environment.end()) << key.variable;
    if (key.name != "auth.token_hashes") {
      EXPECT_EQ(show(key, loaded->config), value->second);
    }
  }
  EXPECT_EQ(from_environment, std::size(values));
  EXPECT_EQ(digests(loaded->config), std::vector{digest_of(0xaa)}) << "replaced, not added to";
}

TEST(Settings, ABadVariableIsNamed) {
  const std::pair<const char*, const char*> cases[] = {{"RSTMDB_BIND", "7401"},
                                                       {"RSTMDB_BIND", ""},
                                                       {"RSTMDB_IDLE_TIMEOUT", "0"},
                                                       {"RSTMDB_IDLE_TIMEOUT", "5s"},
                                                       {"RSTMDB_MAX_CONNECTIONS", "-1"},
                                                       {"RSTMDB_MAX_CONNECTIONS", ""},
                                                       {"RSTMDB_MAX_CONNECTIONS", "010"},
                                                       {"RSTMDB_DATA", ""},
                                                       {"RSTMDB_FSYNC_POLICY", "always"},
                                                       {"RSTMDB_FSYNC_POLICY", "every_n"},
                                                       {"RSTMDB_FSYNC_POLICY", "every_n:"},
                                                       {"RSTMDB_FSYNC_POLICY", "every_ms:0"},
                                                       {"RSTMDB_AUTH_REQUIRED", "yes"},
                                                       {"RSTMDB_AUTH_REQUIRED", "1"},
                                                       {"RSTMDB_AUTH_REQUIRED", "TRUE"},
                                                       {"RSTMDB_AUTH_TOKEN_HASH", "secret"},
                                                       {"RSTMDB_LOG_FORMAT", "auto"},
                                                       {"RSTMDB_METRICS_BIND", "::1:9"}};
  for (const auto& [variable, value] : cases) {
    const auto loaded = read_settings("", "x", {{variable, value}});
    ASSERT_FALSE(loaded.ok()) << variable << "=" << value;
    EXPECT_EQ(loaded.error().detail("variable"), variable);
    EXPECT_TRUE(loaded.error().message().starts_with(variable)) << loaded.error().message();
  }
}

TEST(Settings, RefusedTokensAreNotRepeated) {
  const auto loaded = read_settings("", "x", {{"RSTMDB_AUTH_TOKEN_HASH", "my-secret-token"}});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().to_string().find("my-secret-token"), std::string::npos);
}

TEST(Settings, ADeepOrLargeFileIsRefusedAndDoesNoHarm) {
  for (const std::string& part : {std::string("["), std::string("{"), std::string("- "),
                                  std::string("{a: "), std::string("? ")}) {
    std::string text;
    for (int i = 0; i < 20'000; ++i) text += part;
    EXPECT_FALSE(read_settings(text, "x", {}).ok()) << part;
  }
  const std::string comment = "#" + std::string(limits::kConfigBytesMax - 1, ' ');
  EXPECT_TRUE(read_settings(comment, "x", {}).ok());
  EXPECT_FALSE(read_settings(comment + " ", "x", {}).ok());
}

TEST_F(ConfigFiles, TheFileIsTheGivenOneOrThatOfTheEnvironment) {
  const std::string a = write("a.yaml", "network: {max_connections: 1}");
  const std::string b = write("b.yaml", "network: {max_connections: 2}", 0644);
  EXPECT_EQ(load({a, {{"RSTMDB_CONFIG", b}}})->config.network.max_connections, 1u);
  EXPECT_EQ(load({std::nullopt, {{"RSTMDB_CONFIG", b}}})->config.network.max_connections, 2u);
  EXPECT_EQ(load({})->config.network.max_connections, 1000u);
}

TEST_F(ConfigFiles, AFileThatCannotBeReadIsRefusedByName) {
  for (const std::string& path : {(folder / "missing").string(), folder.string(), std::string()}) {
    const auto loaded = load({path, {}});
    ASSERT_FALSE(loaded.ok()) << path;
    EXPECT_EQ(loaded.error().detail("file"), path);
  }
  const std::string fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_FALSE(load({fifo, {}}).ok()) << "and it does not wait for a writer";
  EXPECT_FALSE(load({write("big", std::string(limits::kConfigBytesMax + 1, '#')), {}}).ok());
}

TEST_F(ConfigFiles, SecretsJoinTheHashes) {
  const std::string secrets =
      write("secrets", "# one\n\n  " + std::string(64, 'B') + " \tname=b role=write \r\n");
  const auto loaded = load({write("c", "auth: {required: true, secrets_file: " + secrets +
                                           ", token_hashes: [" + kHash + "]}"),
                            {}});
  ASSERT_TRUE(loaded.ok()) << loaded.error().to_string();
  EXPECT_EQ(digests(loaded->config), (std::vector{digest_of(0xaa), digest_of(0xbb)}));
  EXPECT_EQ(loaded->config.auth.tokens[1].name, "b");
}

TEST_F(ConfigFiles, ATokenThatIsThereTwiceIsRefusedByItsLine) {
  for (const std::string& again :
       {kHash, kHash + " name=other", std::string(64, 'b') + " name=token:aaaaaaaa"}) {
    const std::string secrets = write("secrets", kHash + "\n" + again + "\n");
    const auto loaded = load({std::nullopt, {{"RSTMDB_AUTH_SECRETS_FILE", secrets}}});
    ASSERT_FALSE(loaded.ok()) << again;
    EXPECT_EQ(loaded.error().detail_number("line", 0), 2);
    EXPECT_EQ(loaded.error().message().find(kHash), std::string::npos);
  }
}

TEST_F(ConfigFiles, SecretsThatOthersMayReadAreRefused) {
  for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666}) {
    const std::string secrets = write("secrets", kHash + "\n", mode);
    const auto loaded = load({std::nullopt, {{"RSTMDB_AUTH_SECRETS_FILE", secrets}}});
    ASSERT_FALSE(loaded.ok()) << std::oct << mode;
    EXPECT_EQ(loaded.error().detail("key"), "auth.secrets_file");
    EXPECT_EQ(loaded.error().detail("file"), secrets);
  }
}

TEST_F(ConfigFiles, BadSecretsAreRefusedByLineAndNotRepeated) {
  const std::string secrets = write("secrets", "# comment\n" + kHash + "\nmy-plain-token\n");
  const auto loaded = load({std::nullopt, {{"RSTMDB_AUTH_SECRETS_FILE", secrets}}});
  ASSERT_FALSE(loaded.ok());
  EXPECT_EQ(loaded.error().detail_number("line", 0), 3);
  EXPECT_EQ(loaded.error().to_string().find("my-plain-token"), std::string::npos);
  const auto missing =
      load({std::nullopt, {{"RSTMDB_AUTH_SECRETS_FILE", (folder / "missing").string()}}});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().detail("key"), "auth.secrets_file");
}

TEST_F(ConfigFiles, WhatContradictsItselfIsRefusedByKey) {
  const std::string empty = write("empty", "# no hash\n");
  const std::pair<std::string, const char*> cases[] = {
      {"auth: {required: true}", "auth.required"},
      {"auth: {required: true, token_hashes: []}", "auth.required"},
      {"auth: {required: true, secrets_file: " + empty + "}", "auth.required"},
      {"tls: {enabled: true}", "tls.cert_path"},
      {"tls: {enabled: true, key_path: k}", "tls.cert_path"},
      {"tls: {enabled: true, cert_path: c}", "tls.key_path"},
      {"tls: {enabled: true, cert_path: c, key_path: k, require_client_cert: true}",
       "tls.client_ca_path"},
      {"tls: {require_client_cert: true, client_ca_path: a}", "tls.require_client_cert"},
      {"auth: {certificates: [CN=a role=read]}", "auth.certificates"},
      {"auth: {certificates: [CN=a role=read]}\ntls: {client_ca_path: a}", "auth.certificates"},
      {"tls: {client_crl_path: r}", "tls.client_crl_path"},
      {"metrics: {enabled: true, bind_addr: 127.0.0.1:7401}", "metrics.bind_addr"},
      {"http: {bind_addr: 127.0.0.1:7401}", "http.bind_addr"},
      {"http: {bind_addr: 127.0.0.1:9090}\nmetrics: {enabled: true}", "http.bind_addr"}};
  for (const auto& [text, key] : cases) {
    const auto loaded = load({write("c", text), {}});
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_EQ(loaded.error().detail("key"), key) << text;
    EXPECT_TRUE(loaded.error().message().starts_with(key)) << loaded.error().message();
  }
}

TEST_F(ConfigFiles, WarnsOfWhatIsNotServedAndWhatIsOpen) {
  EXPECT_TRUE(load({})->warnings.empty());
  // Whoever lets the system choose gets a port for each door.
  const auto own = load({write("o",
                               "metrics: {enabled: true, bind_addr: 127.0.0.1:0}\n"
                               "http: {bind_addr: 127.0.0.1:0}\n"
                               "network: {bind_addr: 127.0.0.1:0}\n"),
                         {}});
  ASSERT_TRUE(own.ok()) << own.error().to_string();
  EXPECT_TRUE(own->warnings.empty());
  const auto loaded = load({write("c",
                                  "compaction: {enabled: false}\n"
                                  "metrics: {enabled: true, bind_addr: '[::]:9090'}\n"
                                  "network: {bind_addr: 0.0.0.0:1}\n"
                                  "storage: {fsync_policy: never}\n"),
                            {}});
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->warnings.size(), 4u);
  const char* begins[] = {"compaction.enabled", "metrics.bind_addr", "network.bind_addr",
                          "storage.fsync_policy"};
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(loaded->warnings[i].starts_with(begins[i]));
}

TEST_F(ConfigFiles, WarnsOfAVariableThatSetsNothing) {
  const auto loaded = load({std::nullopt,
                            {{"RSTMDB_AUTH_REQUIRE", "true"},
                             {"RSTMDB_WHATEVER", "1"},
                             {"RSTMDB_CONFIG_", "2"},
                             {"RSTMDB_TOKEN", "the client's"},
                             {"RSTMDB_SERVICE_HOST", "Kubernetes'"},
                             {"RSTMDB_PORT_7401_TCP", "Kubernetes'"},
                             {"PATH", "/bin"}}});
  ASSERT_TRUE(loaded.ok()) << loaded.error().to_string();
  EXPECT_EQ(loaded->warnings,
            (std::vector<std::string>{
                "RSTMDB_AUTH_REQUIRE: no setting is read from this variable; did you mean "
                "RSTMDB_AUTH_REQUIRED?",
                "RSTMDB_CONFIG_: no setting is read from this variable",
                "RSTMDB_WHATEVER: no setting is read from this variable"}));
  EXPECT_FALSE(loaded->config.auth.required);
}

TEST_F(ConfigFiles, WarnsLoudlyOfAnOpenDoorWithoutTokensOrWithoutTls) {
  const std::string tokens = "auth: {required: true, token_hashes: [" + kHash + "]}\n";
  const std::string tls = "tls: {enabled: true, cert_path: c, key_path: k}\n";
  const auto warnings = [&](const std::string& address, const std::string& rest) {
    return load({write("c", "network: {bind_addr: '" + address + "'}\n" + rest), {}})->warnings;
  };
  for (const char* open : {"0.0.0.0:1", "[::]:1", "192.0.2.7:1", "127.example.org:1", "db:1"}) {
    ASSERT_EQ(warnings(open, "").size(), 1u) << open;
    EXPECT_NE(warnings(open, "")[0].find("OTHER MACHINES CAN CONNECT AND DO EVERYTHING"),
              std::string::npos);
    ASSERT_EQ(warnings(open, tokens).size(), 1u) << open;
    EXPECT_NE(warnings(open, tokens)[0].find("WITHOUT TLS"), std::string::npos);
    EXPECT_TRUE(warnings(open, tokens + tls).empty()) << open;
    EXPECT_EQ(warnings(open, tls).size(), 1u) << open;
    const std::string http = "http: {bind_addr: '" + std::string(open) + "'}\n";
    ASSERT_EQ(warnings("127.0.0.1:2", http).size(), 1u) << open;
    EXPECT_TRUE(warnings("127.0.0.1:2", http)[0].starts_with("http.bind_addr: OTHER MACHINES"));
    ASSERT_EQ(warnings("127.0.0.1:2", http + tokens).size(), 1u) << open;
    EXPECT_TRUE(warnings("127.0.0.1:2", http + tokens + tls).empty()) << open;
    EXPECT_TRUE(
        load({write("d", "http: {enabled: false, bind_addr: '" + std::string(open) + "'}"), {}})
            ->warnings.empty());
  }
  for (const char* own : {"127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"})
    EXPECT_TRUE(warnings(own, "").empty()) << own;
}

}  // namespace
}  // namespace rstmdb::config
