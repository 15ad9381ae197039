// Throw-away certificates for tests of TLS, made when they are needed.
#pragma once

#include <string>

namespace rstmdb::client::fake {

/// PEM files in a folder of their own, removed with this object. The server's certificate is for
/// localhost and 127.0.0.1; `other_ca` has signed neither of them.
class TestCertificates {
 public:
  TestCertificates();
  ~TestCertificates();
  TestCertificates(const TestCertificates&) = delete;
  TestCertificates& operator=(const TestCertificates&) = delete;

  std::string ca() const { return folder_ + "/ca.pem"; }
  std::string other_ca() const { return folder_ + "/other.pem"; }
  std::string server_cert() const { return folder_ + "/server.pem"; }
  std::string server_key() const { return folder_ + "/server.key"; }
  std::string client_cert() const { return folder_ + "/client.pem"; }
  std::string client_key() const { return folder_ + "/client.key"; }

 private:
  std::string folder_;
};

}  // namespace rstmdb::client::fake
