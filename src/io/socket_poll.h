// Which sockets have something to read, or room to write again: one epoll for all of them, asked
// for many at once.
//
// Watched by edges: a socket is told of once each time that something new has come, so whoever has
// taken all that was there need not ask the system whether there is more, nor ask to be told again.
// Rejected: the library's own sockets, which try to receive once more behind each request before
// they wait; at one request a connection and turn that was a fifth of the system calls.
#pragma once

#include <cstddef>
#include <memory>

namespace rstmdb::io {

/// Everything on the loop's thread.
class SocketPoll {
 public:
  /// What holds of a socket now.
  struct Ready {
    bool input = false;       // bytes, the end, or a failure
    bool more_input = false;  // maybe also behind a receive that did not fill its buffer
    bool output = false;      // it takes bytes, or has failed
  };

  class Watcher {
   public:
    /// Something of it is new.
    virtual void on_ready(Ready ready) = 0;

   protected:
    ~Watcher() = default;
  };

  SocketPoll();
  ~SocketPoll();
  SocketPoll(const SocketPoll&) = delete;
  SocketPoll& operator=(const SocketPoll&) = delete;

  /// Tells `watcher` of what `socket` has and gets, until forget(). False when the system has no
  /// room for it.
  [[nodiscard]] bool watch(int socket, Watcher& watcher);
  /// Called before the socket is closed. No call of `watcher` follows, also not in a turn that is
  /// under way.
  void forget(int socket, const Watcher& watcher);

  /// Tells of what is ready, at most limits::kTurnHandlersMax sockets, and says of how many. Does
  /// not wait.
  size_t tell();
  /// Readable while something is ready.
  int descriptor() const { return epoll_; }

 private:
  struct Batch;
  int epoll_;
  std::unique_ptr<Batch> batch_;  // what is being told
};

}  // namespace rstmdb::io
