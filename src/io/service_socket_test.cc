#include "io/service_socket.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace rstmdb::io {
namespace {

/// A service manager's end, at a path or ("@…") at a name without a file.
class Receiver {
 public:
  explicit Receiver(std::string address) : socket_(::socket(AF_UNIX, SOCK_DGRAM, 0)) {
    sockaddr_un name = {};
    name.sun_family = AF_UNIX;
    std::memcpy(name.sun_path, address.data(), address.size());
    if (address[0] == '@') name.sun_path[0] = '\0';
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&name), size), 0);
  }
  ~Receiver() { ::close(socket_); }
  std::string receive() {
    char bytes[256];
    const ssize_t size = ::recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
    return size < 0 ? "" : std::string(bytes, static_cast<size_t>(size));
  }

 private:
  int socket_;
};

TEST(ServiceSocket, ReachesAPathAndANameWithoutAFile) {
  std::string folder = testing::TempDir() + "rstmdb-notify-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/socket";
  for (const std::string& address : {path, "@rstmdb-test-" + std::to_string(::getpid())}) {
    Receiver manager(address);
    auto socket = open_service_socket(address);
    ASSERT_TRUE(socket.ok()) << socket.error().to_string();
    (*socket)->send("READY=1\nSTATUS=serving");
    EXPECT_EQ(manager.receive(), "READY=1\nSTATUS=serving") << address;
  }
  ::unlink(path.c_str());
  ::rmdir(folder.c_str());
}

TEST(ServiceSocket, NobodyListeningIsNoFailure) {
  auto socket = open_service_socket("/nowhere/at/all");
  ASSERT_TRUE(socket.ok());
  (*socket)->send("READY=1");
}

TEST(ServiceSocket, RefusesWhatIsNoAddress) {
  for (const std::string& address :
       {std::string(), std::string("/"), std::string("vsock:2:1"), "/" + std::string(107, 'x')}) {
    const auto socket = open_service_socket(address);
    ASSERT_FALSE(socket.ok()) << address;
    EXPECT_EQ(socket.error().code(), Code::kBadRequest);
  }
  EXPECT_TRUE(open_service_socket("/" + std::string(106, 'x')).ok()) << "107 bytes fit";
}

}  // namespace
}  // namespace rstmdb::io
