#include "io/service_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace rstmdb::io {
namespace {

class Datagrams final : public ServiceSocket {
 public:
  Datagrams(int socket, const sockaddr_un& to, socklen_t to_size)
      : socket_(socket), to_(to), to_size_(to_size) {}
  ~Datagrams() override { ::close(socket_); }

  void send(std::string_view message) override {
    // A manager that does not listen is none of our trouble.
    (void)::sendto(socket_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                   reinterpret_cast<const sockaddr*>(&to_), to_size_);
  }

 private:
  int socket_;
  sockaddr_un to_;
  socklen_t to_size_;
};

}  // namespace

Result<std::unique_ptr<ServiceSocket>> open_service_socket(std::string_view address) {
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  const bool known = address.starts_with('/') || address.starts_with('@');
  if (!known || address.size() < 2 || address.size() >= sizeof to.sun_path)
    return Error(Code::kBadRequest, "no address of a service manager's socket")
        .with("address", address);
  std::memcpy(to.sun_path, address.data(), address.size());
  if (address.front() == '@') to.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size());
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0)
    return Error(Code::kInternalError, "no socket for the service manager").with("errno", errno);
  return std::unique_ptr<ServiceSocket>(std::make_unique<Datagrams>(socket, to, size));
}

}  // namespace rstmdb::io
