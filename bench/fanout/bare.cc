#include "fanout/bare.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "wire/frame.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kSendBytes = 64 * 1024;

Error failed(const char* call) { return Error(Code::kInternalError, call).with("errno", errno); }

std::string frames_of(size_t frame_bytes) {
  std::string frames;
  const size_t payload = frame_bytes - std::min(frame_bytes, wire::kHeaderBytesMax);
  do {
    const size_t start = wire::begin_frame(frames, wire::Dialect::kRcpx);
    frames.append(payload, 'x');
    wire::end_frame(frames, wire::Dialect::kRcpx, start);
  } while (frames.size() < kSendBytes);
  return frames;
}

/// Until the first receiver has gone.
void send_for_ever(const std::vector<int>& senders, const std::string& frames) {
  std::vector<size_t> sent(senders.size());
  std::vector<pollfd> waits(senders.size());
  while (true) {
    bool any = false;
    for (size_t i = 0; i < senders.size(); ++i) {
      const ssize_t size = ::send(senders[i], frames.data() + sent[i], frames.size() - sent[i],
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size < 0 && errno != EAGAIN && errno != EINTR) return;
      if (size <= 0) continue;
      any = true;
      sent[i] = (sent[i] + static_cast<size_t>(size)) % frames.size();
    }
    if (any) continue;
    for (size_t i = 0; i < senders.size(); ++i) waits[i] = {senders[i], POLLOUT, 0};
    ::poll(waits.data(), waits.size(), -1);
  }
}

/// A connected pair over the loopback: who receives, who sends.
Result<std::pair<int, int>> connect_pair(int listener, const sockaddr_in& at) {
  const int receiver = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receiver < 0) return failed("socket");
  if (::connect(receiver, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0)
    return failed("connect");
  ::fcntl(receiver, F_SETFL, ::fcntl(receiver, F_GETFL) | O_NONBLOCK);
  const int sender = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (sender < 0) return failed("accept");
  return std::pair(receiver, sender);
}

}  // namespace

Result<BareSender> BareSender::start(size_t connections, size_t frame_bytes) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 ||
      ::listen(listener, 16) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size) != 0)
    return failed("listen");
  BareSender bare;
  std::vector<int> senders;
  for (size_t i = 0; i < connections; ++i) {
    RSTMDB_ASSIGN(const auto pair, connect_pair(listener, at));
    bare.receivers_.push_back(pair.first);
    senders.push_back(pair.second);
  }
  ::close(listener);
  bare.pid_ = ::fork();
  if (bare.pid_ < 0) return failed("fork");
  if (bare.pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const int receiver : bare.receivers_) ::close(receiver);
    send_for_ever(senders, frames_of(frame_bytes));
    ::_exit(0);
  }
  for (const int sender : senders) ::close(sender);
  return bare;
}

BareSender::~BareSender() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace rstmdb::bench
