#include "io/tls_context.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/limits.h"
#include "io/tls_bench.h"

namespace rstmdb::io {
namespace {

using Asked = TlsContext::ClientCertificate;

class TlsContextTest : public testing::Test {
 protected:
  TlsContextTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "rstmdb_ctx_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~TlsContextTest() override { std::filesystem::remove_all(folder_); }
  std::string write(const std::string& name, const std::string& content, mode_t mode = 0600) {
    const std::string path = folder_ / name;
    std::ofstream(path) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  static std::string content(const std::string& name) {
    std::ifstream file(tls_files().path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void refused(const TlsContext::Options& options, const char* key, const std::string& file,
                      const char* says) {
    const auto made = TlsContext::load(options);
    ASSERT_FALSE(made.ok()) << file;
    EXPECT_EQ(made.error().code(), Code::kBadRequest);
    EXPECT_EQ(made.error().detail("key"), key);
    EXPECT_EQ(made.error().detail("file"), file);
    EXPECT_NE(made.error().message().find(says), std::string::npos) << made.error().message();
  }
  std::filesystem::path folder_;
};

TEST_F(TlsContextTest, GoodFilesAreTaken) {
  const auto made = TlsContext::load(tls_files().server());
  ASSERT_TRUE(made.ok()) << made.error().to_string();
  EXPECT_GT(made->expires_ms(), 1'700'000'000'000);
  TlsContext::Options all = tls_files().asking(Asked::kRequired);
  all.client_crl_path = tls_files().path("nobody.crl");
  EXPECT_TRUE(TlsContext::load(all).ok());
}

TEST_F(TlsContextTest, BadCertificatesAndKeysAreRefusedByKeyAndFile) {
  const TlsContext::Options good = tls_files().server();
  const auto with_cert = [&](std::string path) {
    TlsContext::Options options = good;
    options.cert_path = std::move(path);
    return options;
  };
  const auto with_key = [&](std::string path) {
    TlsContext::Options options = good;
    options.key_path = std::move(path);
    return options;
  };
  refused(with_cert("/nowhere.pem"), "tls.cert_path", "/nowhere.pem", "cannot be read");
  const std::string empty = write("empty", "");
  refused(with_cert(empty), "tls.cert_path", empty, "no certificate");
  const std::string torn = write("torn", content("server.pem").substr(0, 200));
  refused(with_cert(torn), "tls.cert_path", torn, "");
  const std::string second =
      write("second", content("server.pem") + "-----BEGIN CERTIFICATE-----\nAAAA\n" +
                          "-----END CERTIFICATE-----\n");
  refused(with_cert(second), "tls.cert_path", second, "cannot be read");
  refused(with_cert(tls_files().path("client.pem")), "tls.key_path", good.key_path,
          "is not the key of the certificate");
  refused(with_key("/nowhere.key"), "tls.key_path", "/nowhere.key", "cannot be read");
  refused(with_key(tls_files().path("client.key")), "tls.key_path", tls_files().path("client.key"),
          "is not the key of the certificate");
  refused(with_key(empty), "tls.key_path", empty, "no private key");
  for (const mode_t mode : {0640, 0604, 0644, 0660}) {
    const std::string open = write("open.key", content("server.key"), mode);
    refused(with_key(open), "tls.key_path", open, "others");
  }
  const std::string large = write("large", std::string(limits::kTlsFileBytesMax + 1, 'x'));
  refused(with_cert(large), "tls.cert_path", large, "larger than");
  const std::string longest = content("server.pem");
  const std::string padded =
      write("padded", longest + std::string(limits::kTlsFileBytesMax - longest.size(), '\n'));
  EXPECT_TRUE(TlsContext::load(with_cert(padded)).ok()) << "at the limit";
}

TEST_F(TlsContextTest, AnEncryptedKeyIsRefusedAndAsksNobody) {
  const std::string encrypted =
      write("encrypted.key",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
            "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBAAAAAAAAAAAAAAAAAA\n"
            "-----END ENCRYPTED PRIVATE KEY-----\n");
  TlsContext::Options options = tls_files().server();
  options.key_path = encrypted;
  refused(options, "tls.key_path", encrypted, "or an encrypted one");
}

TEST_F(TlsContextTest, BadAuthoritiesAndRevocationListsAreRefusedByKeyAndFile) {
  TlsContext::Options options = tls_files().asking(Asked::kRequired);
  const std::string empty = write("empty", "# nothing\n");
  options.client_ca_path = "/nowhere.pem";
  refused(options, "tls.client_ca_path", "/nowhere.pem", "cannot be read");
  options.client_ca_path = empty;
  refused(options, "tls.client_ca_path", empty, "no certificate");
  options.client_ca_path = tls_files().path("ca.pem");
  options.client_crl_path = "/nowhere.crl";
  refused(options, "tls.client_crl_path", "/nowhere.crl", "cannot be read");
  options.client_crl_path = empty;
  refused(options, "tls.client_crl_path", empty, "no CRL");
  options.client_crl_path = tls_files().path("ca.pem");
  refused(options, "tls.client_crl_path", tls_files().path("ca.pem"), "no CRL");
}

}  // namespace
}  // namespace rstmdb::io
