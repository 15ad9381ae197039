// Reading the settings again: what a running server takes over, and what it does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "config/keys.h"

namespace rstmdb::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kA(64, 'a');
const std::string kB(64, 'b');

class ReloadTest : public testing::Test {
 protected:
  ReloadTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "rstmdb_reload_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ReloadTest() override { std::filesystem::remove_all(folder_); }

  Sources write(const std::string& yaml) {
    std::ofstream(folder_ / "c.yaml") << yaml;
    return {(folder_ / "c.yaml").string(), {}};
  }
  Config running(const std::string& yaml) { return load(write(yaml))->config; }
  std::filesystem::path folder_;
};

TEST_F(ReloadTest, TokensCertificatesAndTheLevelAreTakenOver) {
  const std::string secrets = folder_ / "tokens";
  std::ofstream(secrets) << kB << " name=b role=read\n";
  ASSERT_EQ(::chmod(secrets.c_str(), 0600), 0);
  const Config old = running("auth: {required: true, token_hashes: [" + kA + "]}\n");
  const auto now = reload(old, write("auth: {required: true, secrets_file: " + secrets +
                                     "}\nlogging: {level: debug}\n"));
  ASSERT_TRUE(now.ok()) << now.error().to_string();
  ASSERT_EQ(now->config.auth.tokens.size(), 1u);
  EXPECT_EQ(now->config.auth.tokens[0].name, "b");
  EXPECT_EQ(now->config.logging.level, Level::kDebug);
  EXPECT_THAT(now->need_restart, IsEmpty());
}

TEST_F(ReloadTest, EveryOtherKeyStaysAndIsNamed) {
  const Config old = running("");
  const auto now = reload(old, write("network: {max_connections: 7, idle_timeout_secs: 300}\n"
                                     "storage: {data_dir: elsewhere, fsync_policy: never}\n"
                                     "logging: {format: json}\n"));
  ASSERT_TRUE(now.ok());
  EXPECT_THAT(now->need_restart, ElementsAre("network.max_connections", "storage.data_dir",
                                             "storage.fsync_policy", "logging.format"));
  for (const Key& key : keys()) EXPECT_EQ(show(key, now->config), show(key, old)) << key.name;
}

TEST_F(ReloadTest, ABadFileIsRefusedWhole) {
  const Config old = running("auth: {token_hashes: [" + kA + "]}");
  for (const char* bad : {"auth: {token_hashes: [x]}", "nonsense: {}", "auth: {required: true}",
                          "auth: {secrets_file: /nowhere/at/all}"})
    EXPECT_FALSE(reload(old, write(bad)).ok()) << bad;
  std::filesystem::remove(folder_ / "c.yaml");
  EXPECT_FALSE(reload(old, {(folder_ / "c.yaml").string(), {}}).ok());
}

TEST_F(ReloadTest, WhatIsTakenOverMustFitWhatStays) {
  // By itself the new file is fine; but the running server asks for tokens, and would know none.
  const Config old = running("auth: {required: true, token_hashes: [" + kA + "]}");
  const auto now = reload(old, write("auth: {required: false}"));
  ASSERT_FALSE(now.ok());
  EXPECT_EQ(now.error().detail("key"), "auth.required");
}

TEST_F(ReloadTest, TheKeysThatAreTakenOverAreThoseOfThePage) {
  std::vector<std::string> taken;
  for (const Key& key : keys())
    if (key.on_reload == Key::OnReload::kTaken) taken.emplace_back(key.name);
  EXPECT_THAT(taken, ElementsAre("auth.token_hashes", "auth.secrets_file", "auth.certificates",
                                 "tls.cert_path", "tls.key_path", "tls.client_ca_path",
                                 "tls.client_crl_path", "logging.level"));
}

}  // namespace
}  // namespace rstmdb::config
