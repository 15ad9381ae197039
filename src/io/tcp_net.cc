#include "io/tcp_net.h"

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <new>
#include <optional>
#include <utility>

#include "base/host_port.h"
#include "base/limits.h"
#include "base/logging.h"
#include "io/socket_poll.h"

namespace rstmdb::io {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Tcp = asio::ip::tcp;
using Executor = asio::io_context::executor_type;
using Socket = asio::basic_stream_socket<Tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, Executor>;
using Steady = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Steady, asio::wait_traits<Steady>, Executor>;

/// Memory for one pending operation, reused by the next.
class OperationMemory {
 public:
  void* take(size_t size) {
    if (taken_ || size > sizeof bytes_) return ::operator new(size);
    taken_ = true;
    return bytes_;
  }
  void give_back(void* memory) {
    if (memory == bytes_)
      taken_ = false;
    else
      ::operator delete(memory);
  }

 private:
  alignas(std::max_align_t) std::byte bytes_[256];
  bool taken_ = false;
};

/// OperationMemory as the allocator that Asio asks a handler for.
template <class T>
struct OperationAllocator {
  using value_type = T;
  explicit OperationAllocator(OperationMemory& from) : memory(&from) {}
  template <class U>
  OperationAllocator(const OperationAllocator<U>& other) : memory(other.memory) {}
  T* allocate(size_t count) { return static_cast<T*>(memory->take(count * sizeof(T))); }
  void deallocate(T* place, size_t) { memory->give_back(place); }
  template <class U>
  bool operator==(const OperationAllocator<U>& other) const {
    return memory == other.memory;
  }
  OperationMemory* memory;
};

std::string address_text(const Tcp::endpoint& endpoint) {
  asio::ip::address address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return join_host_port(address.to_string(), endpoint.port());
}

/// A connection that only listens, to notifications, is quiet for hours: the system finds out
/// whether its peer is still there. And what a peer does not take shall wait with us, where it is
/// bounded, not by megabytes in the system.
void set_options(Socket& socket) {
  const int on = 1;
  const int descriptor = socket.native_handle();
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  for (const auto& [option, value] : {std::pair(TCP_KEEPIDLE, limits::kKeepAliveIdleSecs),
                                      {TCP_KEEPINTVL, limits::kKeepAliveIntervalSecs},
                                      {TCP_KEEPCNT, limits::kKeepAliveProbesMax},
                                      {TCP_NOTSENT_LOWAT, limits::kUnsentKernelBytesMax}}) {
    ::setsockopt(descriptor, IPPROTO_TCP, option, &value, sizeof value);
  }
}

Error broken(int number) {
  return Error(Code::kInternalError, "the connection broke")
      .with("reason", "broken")
      .with("errno", number);
}

/// The socket and its state. Shared between its stream and what the loop still holds for it,
/// because that comes back after the stream may be gone.
class Connection final : public SocketPoll::Watcher,
                         public std::enable_shared_from_this<Connection> {
 public:
  /// Takes the socket over.
  Connection(AsioLoop& loop, int socket, const Tcp::endpoint& peer)
      : loop_(loop), sockets_(loop.sockets()), socket_(socket), peer_(address_text(peer)) {}
  ~Connection() { close_socket(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// False when the system has no room to watch it.
  bool watch() { return watched_ = sockets_.watch(socket_, *this); }

  void start(StreamEvents& events) {
    events_ = &events;
    resume_reading();
  }

  void resume_reading() {
    paused_ = false;
    if (unread_ || failure_) read_soon();
  }

  size_t write(std::string_view bytes) {
    size_t sent = 0;
    while (sent < bytes.size() && may_send() && !failure_) {
      const ssize_t size =
          ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size >= 0) {
        sent += static_cast<size_t>(size);
      } else if (errno == EAGAIN) {
        owner_waits_ = true;
        return sent;
      } else if (errno != EINTR) {
        failure_ = errno;
        read_soon();  // what came before it is read first, unless reading is paused
      }
    }
    return bytes.size();
  }

  void close(Stream::Close how) {
    if (state_ == State::kLingering || state_ == State::kClosed) return;
    if (how == Stream::Close::kAfterSending && state_ == State::kOpen && !failure_) return linger();
    if (how == Stream::Close::kReset) {
      const ::linger none = {.l_onoff = 1, .l_linger = 0};
      ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    }
    close_socket();
  }

  void close_at_once() { close_socket(); }

  const std::string& peer() const { return peer_; }

 private:
  /// kEnded: on_closed has been called; kLingering: closed, but for the peer's side.
  enum class State : uint8_t { kOpen, kEnded, kLingering, kClosed };

  /// Asio's handler of a step that was posted, with its place in the connection for its memory.
  struct ReadOn {
    using allocator_type = OperationAllocator<void>;
    allocator_type get_allocator() const { return allocator_type(connection->post_memory_); }
    void operator()() const { connection->on_read_posted(); }
    std::shared_ptr<Connection> connection;
  };

  bool may_send() const { return state_ == State::kOpen || state_ == State::kEnded; }

  void read_soon() {
    if (read_posted_ || state_ != State::kOpen) return;
    read_posted_ = true;
    asio::post(loop_.context(), ReadOn{shared_from_this()});
  }

  void on_read_posted() {
    read_posted_ = false;
    read_on();
  }

  void on_ready(SocketPoll::Ready ready) override {
    const auto self = shared_from_this();  // the owner may let go of it in any call
    if (state_ == State::kLingering) return drop_input();
    if (ready.input) {
      unread_ = true;
      look_again_ = look_again_ || ready.more_input;
      if (!paused_ && !read_posted_) read_on();
    }
    if (ready.output && may_send() && std::exchange(owner_waits_, false)) events_->on_writable();
  }

  /// Receives once; the rest, if there is any, after everything else that is ready.
  void read_on() {
    if (state_ != State::kOpen || (!unread_ && !failure_)) return;
    if (paused_ && failure_) return end(broken(*failure_));
    const std::span<char> buffer = events_->read_buffer();
    if (state_ != State::kOpen) return;
    paused_ = buffer.empty();
    if (paused_) {
      if (failure_) end(broken(*failure_));
      return;
    }
    ssize_t size = 0;
    do {
      size = ::recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    } while (size < 0 && errno == EINTR);
    if (size > 0) {
      // With room left it was all that there was, and of more the system tells.
      unread_ = static_cast<size_t>(size) == buffer.size() || look_again_;
      events_->on_read(static_cast<size_t>(size));
      if (unread_ || failure_) read_soon();
    } else if (size < 0 && errno == EAGAIN) {
      unread_ = look_again_ = false;
      if (failure_) end(broken(*failure_));
    } else if (failure_ || size < 0) {
      end(broken(failure_.value_or(errno)));
    } else {
      end(Error(Code::kInternalError, "the peer closed its side").with("reason", "end"));
    }
  }

  void end(const Error& reason) {
    state_ = State::kEnded;
    if (reason.detail("reason") == "broken") owner_waits_ = false;
    events_->on_closed(reason);
  }

  /// Closing with input unread would make the system answer with a reset, which takes the bytes
  /// that we have just sent away from the peer. So: end our side, drop input for a bounded while
  /// and close when the peer does.
  void linger() {
    state_ = State::kLingering;
    if (::shutdown(socket_, SHUT_WR) != 0) return close_socket();
    linger_timer_.emplace(loop_.context().get_executor(),
                          std::chrono::milliseconds(limits::kLingerMs));
    linger_timer_->async_wait([connection = shared_from_this()](const error_code& cancelled) {
      if (!cancelled) connection->close_socket();
    });
    drop_input();
  }

  void drop_input() {
    static thread_local std::array<char, 16 * 1024> dropped;
    while (dropped_bytes_ <= limits::kLingerBytesMax) {
      const ssize_t size = ::recv(socket_, dropped.data(), dropped.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) return;
      if (size == 0 || (size < 0 && errno != EINTR)) break;
      if (size > 0) dropped_bytes_ += static_cast<size_t>(size);
    }
    close_socket();
  }

  void close_socket() {
    state_ = State::kClosed;
    linger_timer_.reset();
    if (socket_ < 0) return;
    if (watched_) sockets_.forget(socket_, *this);
    ::close(std::exchange(socket_, -1));
  }

  AsioLoop& loop_;
  SocketPoll& sockets_;  // of the loop, which goes before it when one lingers to the end
  int socket_;
  StreamEvents* events_ = nullptr;
  State state_ = State::kOpen;
  bool watched_ = false;
  bool paused_ = true;          // the owner takes nothing now
  bool unread_ = false;         // the socket may have something to read
  bool look_again_ = false;     // also behind a receive that did not fill its buffer
  bool read_posted_ = false;    // read_on() will run soon
  bool owner_waits_ = false;    // for room to write
  std::optional<int> failure_;  // errno of a failed send, told behind what can still be read
  std::string peer_;
  std::optional<Timer> linger_timer_;
  size_t dropped_bytes_ = 0;
  OperationMemory post_memory_;
};

class TcpStream final : public Stream {
 public:
  explicit TcpStream(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~TcpStream() override {
    if (!closed_) connection_->close_at_once();
  }
  void start(StreamEvents& events) override { connection_->start(events); }
  void resume_reading() override { connection_->resume_reading(); }
  size_t write(std::string_view bytes) override { return connection_->write(bytes); }
  void close(Close how) override {
    closed_ = true;
    connection_->close(how);
  }
  const std::string& peer() const override { return connection_->peer(); }

 private:
  std::shared_ptr<Connection> connection_;  // shared with pending operations, see Connection
  bool closed_ = false;
};

/// The listening socket; shared between its TcpListener and the pending accept.
class Door : public std::enable_shared_from_this<Door> {
 public:
  Door(AsioLoop& loop, Net::Accept on_accept)
      : loop_(loop),
        acceptor_(loop.context().get_executor()),
        back_off_(loop.context().get_executor()),
        on_accept_(std::move(on_accept)) {}

  Result<void> open(const Tcp::endpoint& endpoint, std::string_view asked) {
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Acceptor::reuse_address(true), error);
    if (!error && endpoint.protocol() == Tcp::v6())
      acceptor_.set_option(asio::ip::v6_only(false), error);  // [::] serves both families
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(Acceptor::max_listen_connections, error);
    if (error)
      return Error(Code::kInternalError, "cannot listen: " + error.message())
          .with("address", asked)
          .with("errno", error.value());
    address_ = address_text(acceptor_.local_endpoint(error));
    accept_next();
    return {};
  }

  void close() {
    error_code ignored;
    acceptor_.close(ignored);
    back_off_.cancel();
  }

  const std::string& address() const { return address_; }

 private:
  void accept_next() {
    acceptor_.async_accept(peer_,
                           [door = shared_from_this()](const error_code& error, Socket socket) {
                             door->on_accepted(error, std::move(socket));
                           });
  }

  void on_accepted(const error_code& error, Socket socket) {
    if (!acceptor_.is_open()) return;
    if (error) return back_off(error);
    backing_off_ = false;
    set_options(socket);
    error_code refused;
    const int descriptor = socket.release(refused);
    if (refused) return back_off(refused);
    auto connection = std::make_shared<Connection>(loop_, descriptor, peer_);
    if (!connection->watch())
      return back_off(error_code(errno, asio::error::get_system_category()));
    on_accept_(std::make_unique<TcpStream>(std::move(connection)));
    if (acceptor_.is_open()) accept_next();
  }

  void back_off(const error_code& error) {
    if (!backing_off_)
      log_line(Level::kWarn, "cannot accept a connection, trying again",
               {{"address", address_}, {"errno", error.value()}, {"error", error.message()}});
    backing_off_ = true;
    back_off_.expires_after(std::chrono::milliseconds(limits::kAcceptBackOffMs));
    back_off_.async_wait([door = shared_from_this()](const error_code&) {
      if (door->acceptor_.is_open()) door->accept_next();
    });
  }

  AsioLoop& loop_;
  Acceptor acceptor_;
  Timer back_off_;
  Net::Accept on_accept_;
  Tcp::endpoint peer_;
  std::string address_;
  bool backing_off_ = false;
};

class TcpListener final : public Listener {
 public:
  explicit TcpListener(std::shared_ptr<Door> door) : door_(std::move(door)) {}
  ~TcpListener() override { door_->close(); }
  const std::string& address() const override { return door_->address(); }

 private:
  std::shared_ptr<Door> door_;  // shared with the pending accept, see Door
};

Result<Tcp::endpoint> resolve(asio::io_context& context, std::string_view address) {
  RSTMDB_ASSIGN(const HostPort parts, split_host_port(address));
  error_code error;
  const auto literal = asio::ip::make_address(parts.host, error);
  if (!error) return Tcp::endpoint(literal, parts.port);
  Tcp::resolver resolver(context);
  const auto found = resolver.resolve(parts.host, std::to_string(parts.port),
                                      Tcp::resolver::numeric_service, error);
  if (error || found.empty())
    return Error(Code::kBadRequest, "the host name is not known: " + error.message())
        .with("address", address);
  return found.begin()->endpoint();
}

}  // namespace

Result<std::unique_ptr<Listener>> TcpNet::listen(std::string_view address, Accept on_accept) {
  RSTMDB_ASSIGN(const Tcp::endpoint endpoint, resolve(loop_.context(), address));
  auto door = std::make_shared<Door>(loop_, std::move(on_accept));
  RSTMDB_TRY(door->open(endpoint, address));
  return std::unique_ptr<Listener>(std::make_unique<TcpListener>(std::move(door)));
}

}  // namespace rstmdb::io
