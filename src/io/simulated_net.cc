#include "io/simulated_net.h"

#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/host_port.h"
#include "io/unsent.h"

namespace rstmdb::io {

struct SimulatedWires {
  SimulatedWires(SimulatedLoop& of, SimulatedNet::Options given)
      : loop(of), options(given), random(given.seed) {}

  int64_t delay_ms() { return static_cast<int64_t>(random.below(options.delay_ms_max + 1)); }
  size_t slice(size_t size) {
    if (options.slice_bytes_max == 0 || size == 0) return size;
    const bool whole = options.sliced_bytes > 0 && sliced >= options.sliced_bytes;
    const size_t most = whole ? SimulatedNet::kWholeBytesMax : options.slice_bytes_max;
    const size_t taken = std::min<size_t>(size, 1 + random.below(most));
    sliced = whole ? 0 : sliced + taken;
    return taken;
  }

  SimulatedLoop& loop;
  SimulatedNet::Options options;
  SimulatedRandom random;
  std::map<std::string, std::shared_ptr<Net::Accept>> listeners;
  std::vector<std::weak_ptr<class Pipe>> to_clients;
  size_t sliced = 0;  // bytes, since the last piece that was not
  uint16_t last_port = 40'000;
  uint16_t last_client_port = 50'000;
};

/// What stands behind the last byte of a direction.
enum class Tail : uint8_t { kNone, kEnd, kReset };

/// One direction of a connection: bytes in order, of which the first `arrived` may be read.
/// Lives as long as a task or an end refers to it.
class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  explicit Pipe(std::shared_ptr<SimulatedWires> net) : net_(std::move(net)) {}

  std::function<void()> on_arrival;  // bytes or the tail may be read
  std::function<void()> on_room;     // after a send() that was short

  size_t send(std::string_view bytes) {
    if (sender_lost_) return bytes.size();
    if (tail_ != Tail::kNone || receiver_ == Receiver::kGone) {
      if (receiver_ == Receiver::kGone && on_answered_by_reset) on_answered_by_reset();
      return bytes.size();
    }
    const size_t room = net_->options.window_bytes - std::min(held(), net_->options.window_bytes);
    const size_t taken = net_->slice(std::min(bytes.size(), room));
    bytes_.append(bytes.substr(0, taken));
    deliver_later();
    if (taken < bytes.size()) {
      sender_waits_ = true;
      if (taken < room) tell_room_later();
    }
    return taken;
  }

  /// Ends the direction behind the bytes that were sent.
  void end() {
    if (tail_ != Tail::kNone || sender_lost_) return;
    tail_ = Tail::kEnd;
    deliver_later();
  }

  /// Breaks the direction; what has not arrived is lost.
  void reset() {
    if (tail_ == Tail::kReset || sender_lost_) return;
    bytes_.resize(taken_ + arrived_);
    tail_ = Tail::kReset;
    tail_arrived_ = false;
    deliver_later();
  }

  size_t read(std::span<char> into) {
    const size_t size = net_->slice(std::min(into.size(), arrived_));
    std::memcpy(into.data(), bytes_.data() + taken_, size);
    take(size);
    return size;
  }
  /// The same, to the end of a string.
  void read_onto(std::string& into) {
    const size_t size = net_->slice(arrived_);
    into.append(bytes_, taken_, size);
    take(size);
  }

  void hold() { held_ = true; }
  void release() {
    held_ = false;
    deliver_later();
  }
  /// The sender is gone. The first `size` of the bytes that have not arrived do so now, then a
  /// reset.
  void lose_sender(size_t size) {
    sender_lost_ = true;
    if (tail_arrived_) return;
    const size_t on_way = held_ ? 0 : std::min(size, this->on_way());
    bytes_.resize(taken_ + arrived_ + on_way);
    arrived_ = held();
    tail_ = Tail::kReset;
    tail_arrived_ = true;
    if (on_arrival) on_arrival();
  }
  size_t on_way() const { return held() - arrived_; }

  size_t arrived() const { return arrived_; }
  /// The tail, once every byte before it has been read.
  Tail tail() const { return tail_arrived_ && arrived_ == 0 ? tail_ : Tail::kNone; }

  /// Who drops takes and forgets what arrives; one who is gone answers it by a reset.
  enum class Receiver : uint8_t { kReads, kDrops, kGone };
  void set_receiver(Receiver receiver) {
    receiver_ = receiver;
    if (receiver != Receiver::kReads) drop_arrived();
  }
  std::function<void()> on_answered_by_reset;

 private:
  size_t held() const { return bytes_.size() - taken_; }

  void take(size_t size) {
    drop_sent(bytes_, taken_, size);
    arrived_ -= size;
    if (size > 0 && sender_waits_) tell_room_later();
  }

  void deliver_later() {
    if (delivering_ || held_ || (arrived_ == held() && (tail_ == Tail::kNone || tail_arrived_)))
      return;
    delivering_ = true;
    net_->loop.run_after(net_->delay_ms(), [pipe = shared_from_this()] { pipe->deliver(); });
  }

  void deliver() {
    delivering_ = false;
    if (held_ || sender_lost_) return;
    arrived_ += net_->slice(on_way());
    if (arrived_ == held() && tail_ != Tail::kNone) tail_arrived_ = true;
    deliver_later();
    if (receiver_ != Receiver::kReads) drop_arrived();
    if (on_arrival) on_arrival();
  }

  void drop_arrived() {
    if (arrived_ == 0) return;
    take(arrived_);
    if (receiver_ == Receiver::kGone && on_answered_by_reset) on_answered_by_reset();
  }

  void tell_room_later() {
    net_->loop.post([pipe = shared_from_this()] {
      if (!std::exchange(pipe->sender_waits_, false)) return;
      if (pipe->on_room) pipe->on_room();
    });
  }

  std::shared_ptr<SimulatedWires> net_;
  std::string bytes_;
  size_t taken_ = 0;    // of the bytes: those that have been read
  size_t arrived_ = 0;  // of those behind them
  Tail tail_ = Tail::kNone;
  bool tail_arrived_ = false;
  bool delivering_ = false;
  bool sender_waits_ = false;
  bool held_ = false;
  bool sender_lost_ = false;
  Receiver receiver_ = Receiver::kReads;
};

namespace {

/// The server's end. Shared between its stream and the tasks under way for it.
class ServerEnd : public std::enable_shared_from_this<ServerEnd> {
 public:
  using Way = Pipe;
  ServerEnd(SimulatedWires& net, std::shared_ptr<Way> in, std::shared_ptr<Way> out,
            std::string peer)
      : loop_(net.loop), in_(std::move(in)), out_(std::move(out)), peer_(std::move(peer)) {}

  void start(StreamEvents& events) {
    events_ = &events;
    in_->on_arrival = [end = weak_from_this()] {
      if (const auto self = end.lock()) self->take_arrived();
    };
    out_->on_room = [end = weak_from_this()] {
      if (const auto self = end.lock()) self->tell_writable();
    };
    read_soon();
  }

  void read_soon() {
    loop_.post([self = shared_from_this()] { self->read_next(); });
  }

  size_t write(std::string_view bytes) {
    if (state_ == State::kClosed || broken()) return bytes.size();
    const size_t taken = out_->send(bytes);
    if (taken < bytes.size()) owner_waits_ = true;
    return taken;
  }

  void close(Stream::Close how) {
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    pending_ = {};
    if (how == Stream::Close::kReset) {
      out_->reset();
      in_->set_receiver(Way::Receiver::kGone);
    } else {
      out_->end();
      in_->set_receiver(Way::Receiver::kDrops);
    }
  }

  const std::string& peer() const { return peer_; }

 private:
  enum class State : uint8_t { kOpen, kEnded, kClosed };

  bool broken() const { return in_->tail() == Tail::kReset; }

  void read_next() {
    if (state_ != State::kOpen || !pending_.empty()) return;
    const std::span<char> buffer = events_->read_buffer();
    if (state_ != State::kOpen || buffer.empty()) return;
    pending_ = buffer;
    if (in_->arrived() > 0 || in_->tail() != Tail::kNone)
      loop_.post([self = shared_from_this()] { self->take_arrived(); });
  }

  void take_arrived() {
    if (state_ != State::kOpen || pending_.empty()) return;
    if (in_->arrived() > 0) {
      const size_t size = in_->read(std::exchange(pending_, {}));
      events_->on_read(size);
      read_next();
      return;
    }
    if (in_->tail() == Tail::kNone) return;
    const bool ended = in_->tail() == Tail::kEnd;
    state_ = State::kEnded;
    if (!ended) owner_waits_ = false;
    pending_ = {};
    Error reason =
        Error(Code::kInternalError, ended ? "the peer closed its side" : "the connection broke")
            .with("reason", ended ? "end" : "broken");
    if (!ended) reason = std::move(reason).with("errno", ECONNRESET);
    events_->on_closed(reason);
  }

  void tell_writable() {
    if (state_ == State::kClosed || !std::exchange(owner_waits_, false)) return;
    events_->on_writable();
  }

  SimulatedLoop& loop_;
  std::shared_ptr<Way> in_;   // shared with the peer and with deliveries under way
  std::shared_ptr<Way> out_;  // likewise
  std::string peer_;
  StreamEvents* events_ = nullptr;
  std::span<char> pending_;  // where the next bytes go
  State state_ = State::kOpen;
  bool owner_waits_ = false;
};

class ServerStream final : public Stream {
 public:
  explicit ServerStream(std::shared_ptr<ServerEnd> end) : end_(std::move(end)) {}
  ~ServerStream() override { end_->close(Close::kAfterSending); }
  void start(StreamEvents& events) override { end_->start(events); }
  void resume_reading() override { end_->read_soon(); }
  size_t write(std::string_view bytes) override { return end_->write(bytes); }
  void close(Close how) override { end_->close(how); }
  const std::string& peer() const override { return end_->peer(); }

 private:
  std::shared_ptr<ServerEnd> end_;  // shared with tasks under way, see ServerEnd
};

class ClientEnd final : public SimulatedLink {
 public:
  using Way = Pipe;
  ClientEnd(std::shared_ptr<Way> in, std::shared_ptr<Way> out)
      : in_(std::move(in)), out_(std::move(out)) {
    in_->on_arrival = [this] {
      take();
      if (tell_) tell_();
    };
    out_->on_room = [this] { send_more(); };
    in_->on_answered_by_reset = [out = std::weak_ptr<Way>(out_)] {
      if (const auto way = out.lock()) way->reset();
    };
    out_->on_answered_by_reset = [in = std::weak_ptr<Way>(in_)] {
      if (const auto way = in.lock()) way->reset();
    };
  }
  ~ClientEnd() override {
    close();
    in_->on_arrival = nullptr;
    out_->on_room = nullptr;
  }

  void send(std::string_view bytes) override {
    unsent_ += bytes;
    send_more();
  }
  size_t unsent() const override { return unsent_.size() - sent_; }
  std::string& received() override { return received_; }
  void pause() override { paused_ = true; }
  void resume() override {
    paused_ = false;
    take();
  }
  void finish() override {
    finishing_ = true;
    if (unsent_.empty()) out_->end();
  }
  void close() override {
    if (closed_) return;
    closed_ = true;
    finish();
    in_->set_receiver(Way::Receiver::kGone);
  }
  void reset() override {
    closed_ = true;
    unsent_.clear();
    sent_ = 0;
    out_->reset();
    in_->set_receiver(Way::Receiver::kDrops);
  }
  bool ended() const override { return in_->tail() == Tail::kEnd; }
  bool was_reset() const override { return in_->tail() == Tail::kReset; }
  void on_change(std::function<void()> tell) override { tell_ = std::move(tell); }

  void hold() override {
    in_->hold();
    out_->hold();
  }
  void release() override {
    in_->release();
    out_->release();
  }
  void cut() override {
    release();
    in_->reset();
    out_->reset();
  }

 private:
  void send_more() {
    if (!unsent_.empty())
      drop_sent(unsent_, sent_, out_->send(std::string_view(unsent_).substr(sent_)));
    if (unsent_.empty() && finishing_) out_->end();
  }
  void take() {
    while (!paused_ && in_->arrived() > 0) in_->read_onto(received_);
  }

  std::shared_ptr<Way> in_;   // shared with the server's end and with deliveries under way
  std::shared_ptr<Way> out_;  // likewise
  std::function<void()> tell_;
  std::string unsent_;
  size_t sent_ = 0;  // of its bytes
  std::string received_;
  bool paused_ = false;
  bool finishing_ = false;
  bool closed_ = false;
};

class SimulatedListener final : public Listener {
 public:
  SimulatedListener(std::shared_ptr<SimulatedWires> net, std::string address)
      : net_(std::move(net)), address_(std::move(address)) {}
  ~SimulatedListener() override { net_->listeners.erase(address_); }
  const std::string& address() const override { return address_; }

 private:
  std::shared_ptr<SimulatedWires> net_;  // shared with the net, which may go first
  std::string address_;
};

bool is_numeric_host(std::string_view host) {
  return host.contains(':') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

SimulatedNet::SimulatedNet(SimulatedLoop& loop, Options options)
    : wires_(std::make_shared<SimulatedWires>(loop, options)) {}

SimulatedNet::~SimulatedNet() = default;

Result<std::unique_ptr<Listener>> SimulatedNet::listen(std::string_view address, Accept on_accept) {
  RSTMDB_ASSIGN(HostPort parts, split_host_port(address));
  if (parts.host == "localhost") parts.host = "127.0.0.1";
  if (!is_numeric_host(parts.host))
    return Error(Code::kBadRequest, "the host name is not known").with("address", address);
  if (parts.port == 0) parts.port = ++wires_->last_port;
  std::string bound = join_host_port(parts.host, parts.port);
  if (!wires_->listeners.emplace(bound, std::make_shared<Accept>(std::move(on_accept))).second)
    return Error(Code::kInternalError, "cannot listen: the address is taken")
        .with("address", address)
        .with("errno", EADDRINUSE);
  return std::unique_ptr<Listener>(std::make_unique<SimulatedListener>(wires_, std::move(bound)));
}

void SimulatedNet::set_pace(size_t slice_bytes_max, int64_t delay_ms_max) {
  wires_->options.slice_bytes_max = slice_bytes_max;
  wires_->options.delay_ms_max = delay_ms_max;
}

void SimulatedNet::lose_server() {
  for (const auto& way : std::exchange(wires_->to_clients, {})) {
    const auto pipe = way.lock();
    if (!pipe) continue;
    const uint64_t much = wires_->random.below(3);
    pipe->lose_sender(much == 0   ? 0
                      : much == 1 ? pipe->on_way()
                                  : wires_->random.below(pipe->on_way() + 1));
  }
}

Result<std::unique_ptr<SimulatedLink>> SimulatedNet::connect(std::string_view address,
                                                             std::string_view from_host) {
  const auto found = wires_->listeners.find(std::string(address));
  if (found == wires_->listeners.end())
    return Error(Code::kNotFound, "nobody listens there").with("address", address);
  const std::string host =
      from_host.empty() ? split_host_port(address)->host : std::string(from_host);
  auto to_server = std::make_shared<Pipe>(wires_);
  auto to_client = std::make_shared<Pipe>(wires_);
  std::erase_if(wires_->to_clients, [](const auto& way) { return way.expired(); });
  wires_->to_clients.push_back(to_client);
  auto end = std::make_shared<ServerEnd>(*wires_, to_server, to_client,
                                         join_host_port(host, ++wires_->last_client_port));
  auto peer = std::make_unique<ClientEnd>(std::move(to_client), std::move(to_server));
  wires_->loop.run_after(wires_->delay_ms(), [net = wires_, at = std::string(address),
                                              end = std::move(end)]() mutable {
    auto stream = std::make_unique<ServerStream>(std::move(end));
    const auto listener = net->listeners.find(at);
    if (listener == net->listeners.end()) return stream->close(Stream::Close::kReset);
    const auto accept = listener->second;  // lives on when the owner stops listening in it
    (*accept)(std::move(stream));
  });
  return std::unique_ptr<SimulatedLink>(std::move(peer));
}

}  // namespace rstmdb::io
