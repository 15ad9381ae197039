#include "io/tcp_net.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
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

/// Memory for one pending operation, reused by the next, so that a read allocates nothing.
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

/// The socket and its state. Shared between its stream and the operations pending on it, because
/// those come back after the stream may be gone.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, const Tcp::endpoint& peer)
      : socket_(std::move(socket)), peer_(address_text(peer)) {}

  void start(StreamEvents& events) {
    events_ = &events;
    read_soon();
  }

  void read_soon() {
    if (read_posted_ || state_ != State::kOpen) return;
    read_posted_ = true;
    asio::post(socket_.get_executor(), Step<&Connection::on_read_posted>{self(), &post_memory_});
  }

  size_t write(std::string_view bytes) {
    size_t sent = 0;
    while (sent < bytes.size() && state_ != State::kClosed && !failure_) {
      const ssize_t size = ::send(socket_.native_handle(), bytes.data() + sent, bytes.size() - sent,
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
      if (size >= 0) {
        sent += static_cast<size_t>(size);
      } else if (errno == EAGAIN) {
        wait_until_writable();
        return sent;
      } else if (errno != EINTR) {
        failure_ = errno;
        // A pending read sees the breakage too, after the bytes that came before it.
        if (!reading_) read_soon();
      }
    }
    return bytes.size();
  }

  void close(Stream::Close how) {
    if (state_ == State::kClosed) return;
    const bool peer_may_send = state_ == State::kOpen && !failure_;
    state_ = State::kClosed;
    if (how == Stream::Close::kAfterSending && peer_may_send) return linger();
    error_code ignored;
    if (how == Stream::Close::kReset)
      socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    close_socket();
  }

  void close_at_once() {
    state_ = State::kClosed;
    close_socket();
  }

  const std::string& peer() const { return peer_; }

 private:
  enum class State : uint8_t { kOpen, kEnded, kClosed };  // kEnded: on_closed has been called

  /// A member function as Asio's handler, with its place in the connection for its memory.
  template <auto kMember>
  struct Step {
    using allocator_type = OperationAllocator<void>;
    allocator_type get_allocator() const { return allocator_type(*memory); }
    void operator()() const { ((*connection).*kMember)(error_code(), 0); }
    void operator()(const error_code& error) const { ((*connection).*kMember)(error, 0); }
    void operator()(const error_code& error, size_t size) const {
      ((*connection).*kMember)(error, size);
    }
    std::shared_ptr<Connection> connection;
    OperationMemory* memory;
  };

  std::shared_ptr<Connection> self() { return shared_from_this(); }

  void on_read_posted(const error_code&, size_t) {
    read_posted_ = false;
    read_next();
  }

  void read_next() {
    if (state_ != State::kOpen || reading_) return;
    if (failure_) return end(broken(*failure_));
    const std::span<char> buffer = events_->read_buffer();
    if (state_ != State::kOpen || buffer.empty()) return;
    reading_ = true;
    socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()),
                            Step<&Connection::on_received>{self(), &read_memory_});
  }

  void on_received(const error_code& error, size_t size) {
    if (state_ == State::kClosed) return;
    reading_ = false;
    if (size > 0) {
      events_->on_read(size);
      return read_next();
    }
    if (failure_) return end(broken(*failure_));
    if (error != asio::error::eof) return end(broken(error.value()));
    end(Error(Code::kInternalError, "the peer closed its side").with("reason", "end"));
  }

  void end(const Error& reason) {
    state_ = State::kEnded;
    owner_waits_ = false;
    events_->on_closed(reason);
  }

  void wait_until_writable() {
    owner_waits_ = true;
    if (awaiting_writable_) return;
    awaiting_writable_ = true;
    socket_.async_wait(Socket::wait_write, Step<&Connection::on_writable>{self(), &write_memory_});
  }

  void on_writable(const error_code&, size_t) {
    awaiting_writable_ = false;
    if (state_ == State::kClosed || !owner_waits_) return;
    owner_waits_ = false;
    events_->on_writable();
  }

  /// Closing with input unread would make the system answer with a reset, which takes the bytes
  /// that we have just sent away from the peer. So: end our side, drop input for a bounded while
  /// and close when the peer does.
  void linger() {
    error_code error;
    socket_.cancel(error);  // no operation writes into the owner's buffer any more
    socket_.shutdown(Socket::shutdown_send, error);
    if (error) return close_socket();
    linger_timer_.emplace(socket_.get_executor(), std::chrono::milliseconds(limits::kLingerMs));
    linger_timer_->async_wait([connection = self()](const error_code& cancelled) {
      if (!cancelled) connection->close_socket();
    });
    drop_input();
  }

  void drop_input() {
    static thread_local std::array<char, 16 * 1024> dropped;
    socket_.async_read_some(asio::buffer(dropped),
                            Step<&Connection::on_dropped>{self(), &read_memory_});
  }

  void on_dropped(const error_code& error, size_t size) {
    dropped_bytes_ += size;
    if (!error && dropped_bytes_ <= limits::kLingerBytesMax) return drop_input();
    close_socket();
  }

  void close_socket() {
    linger_timer_.reset();
    error_code ignored;
    socket_.close(ignored);
  }

  Socket socket_;
  StreamEvents* events_ = nullptr;
  State state_ = State::kOpen;
  bool read_posted_ = false;        // read_next() will run soon
  bool reading_ = false;            // a receive into the owner's buffer is pending
  bool awaiting_writable_ = false;  // a wait for writability is pending
  bool owner_waits_ = false;        // and its end is to be told
  std::optional<int> failure_;      // errno of a failed send, told by the next read
  std::string peer_;
  std::optional<Timer> linger_timer_;
  size_t dropped_bytes_ = 0;
  OperationMemory read_memory_;
  OperationMemory write_memory_;
  OperationMemory post_memory_;
};

class TcpStream final : public Stream {
 public:
  explicit TcpStream(std::shared_ptr<Connection> connection) : connection_(std::move(connection)) {}
  ~TcpStream() override {
    if (!closed_) connection_->close_at_once();
  }
  void start(StreamEvents& events) override { connection_->start(events); }
  void resume_reading() override { connection_->read_soon(); }
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
  Door(asio::io_context& context, Net::Accept on_accept)
      : acceptor_(context.get_executor()),
        back_off_(context.get_executor()),
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
    error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    set_options(socket);
    on_accept_(std::make_unique<TcpStream>(std::make_shared<Connection>(std::move(socket), peer_)));
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
  auto door = std::make_shared<Door>(loop_.context(), std::move(on_accept));
  RSTMDB_TRY(door->open(endpoint, address));
  return std::unique_ptr<Listener>(std::make_unique<TcpListener>(std::move(door)));
}

}  // namespace rstmdb::io
