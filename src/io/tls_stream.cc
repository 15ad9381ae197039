#include "io/tls_stream.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/logging.h"
#include "io/tls_engine.h"

namespace rstmdb::io {
namespace {

constexpr size_t kInputBytesMin = 4 * 1024;
constexpr size_t kInputBytesBusy = 64 * 1024;
constexpr size_t kOutputBytesKept = 4 * 1024;
constexpr char kHandshakeRecord = 0x16;
// What the owner writes never comes near the bound, see encrypt().
static_assert(limits::kTlsUnsentBytesMax >
              2 * (limits::kTlsAheadBytesMax + limits::kTlsRecordBytesMax));

Error broken(std::string_view why) {
  return Error(Code::kInternalError, std::string(why)).with("reason", "broken");
}

/// The connection below, the TLS session, and who owns them. Shared between its stream, a step of
/// the handshake on the worker, tasks of the loop, and `closing` while it sends its last bytes.
class TlsConnection final : public TlsHandshakes::Party,
                            public StreamEvents,
                            public std::enable_shared_from_this<TlsConnection> {
 public:
  TlsConnection(std::shared_ptr<TlsShared> shared, std::unique_ptr<Stream> below)
      : shared_(std::move(shared)), below_(std::move(below)), peer_(below_->peer()) {}

  // ---- of the stream's owner

  void start(StreamEvents& events) {
    events_ = &events;
    below_->start(*this);
  }

  void resume_reading() {
    if (!owner_paused_ || resuming_) return;
    resuming_ = true;
    shared_->loop.post([self = shared_from_this()] { self->on_resumed(); });
  }

  size_t write(std::string_view bytes) {
    if (phase_ == Phase::kGone || phase_ == Phase::kClosed) return bytes.size();
    size_t taken = 0;
    if (phase_ != Phase::kHandshake && unsent() == 0) taken = encrypt(bytes);
    owner_waits_ = taken < bytes.size();
    return taken;
  }

  void close(Stream::Close how) {
    if (phase_ == Phase::kClosing || phase_ == Phase::kClosed) return;
    const bool in_order = how == Stream::Close::kAfterSending;
    if (in_order && (phase_ == Phase::kOpen || phase_ == Phase::kEnded)) {
      engine_->end();
      flush();
      if (unsent() > 0) return close_when_sent();
    }
    if (phase_ != Phase::kGone) below_->close(how);
    phase_ = Phase::kClosed;
  }

  void drop() {
    if (phase_ == Phase::kClosing) return;
    phase_ = Phase::kClosed;
    below_.reset();
  }

  const std::string& peer() const { return peer_; }
  const PeerIdentity& identity() const { return identity_; }
  bool still_trusted() const {
    return phase_ == Phase::kHandshake || !engine_ || engine_->accepted_by(shared_->context);
  }

  // ---- of the handshake

  bool still_wanted() const override { return phase_ == Phase::kHandshake; }
  void step() override { stepped_to_ = engine_->handshake(); }
  void stepped() override {
    const auto self = shared_from_this();
    stepping_ = false;
    if (phase_ != Phase::kHandshake) return;
    input_end_ = 0;
    flush();
    if (stepped_to_ == TlsEngine::Outcome::kFailed) return fail(engine_->failure());
    if (stepped_to_ == TlsEngine::Outcome::kDone && !open()) return;
    read_below();
  }

 private:
  /// kEnded: the peer has said its last; kGone: broken, and the owner knows; kClosing: closed by
  /// the owner, with bytes still to be sent.
  enum class Phase : uint8_t { kHandshake, kOpen, kEnded, kGone, kClosing, kClosed };

  // ---- of the connection below

  std::span<char> read_buffer() override {
    const bool reads = (phase_ == Phase::kHandshake && !stepping_) || phase_ == Phase::kOpen;
    if (!reads || owner_paused_) {
      below_paused_ = true;
      return {};
    }
    if (input_.empty()) input_.resize(kInputBytesMin);
    return input_;
  }

  void on_read(size_t size) override {
    const auto self = shared_from_this();
    input_end_ = size;
    if (phase_ == Phase::kHandshake) return begin_step();
    engine_->give({input_.data(), input_end_});
    deliver();
    if (engine_->input_left() == 0 && size == input_.size() && size < kInputBytesBusy)
      input_.resize(kInputBytesBusy);
  }

  void on_writable() override {
    const auto self = shared_from_this();
    flush();
    if (unsent() > 0) return;
    if (phase_ == Phase::kClosing) return finish_closing();
    if (phase_ == Phase::kOpen || phase_ == Phase::kEnded) tell_writable();
  }

  void on_closed(const Error& reason) override {
    const auto self = shared_from_this();
    if (phase_ == Phase::kClosing) return finish_closing();
    if (phase_ == Phase::kHandshake) ++shared_->stats.failures;
    if (phase_ != Phase::kHandshake && phase_ != Phase::kOpen) return;
    phase_ = Phase::kGone;
    below_->close(Stream::Close::kAfterSending);
    if (reason.detail("reason") != "end") return events_->on_closed(reason);
    events_->on_closed(broken("the connection ended without the end of TLS"));
  }

  // ---- inside

  void begin_step() {
    if (!engine_) {
      if (input_[0] != kHandshakeRecord) return fail("the client does not speak TLS");
      engine_.emplace(shared_->context);
    }
    engine_->give({input_.data(), input_end_});
    stepping_ = true;
    TlsHandshakes::ask(shared_->handshakes, shared_from_this());
  }

  /// The handshake is done: false when the owner has gone meanwhile.
  bool open() {
    // What has come to count meanwhile was asked of those who were in already.
    const TlsContext& now = shared_->context;
    if (!engine_->goes_by(now) && !engine_->accepted_by(now)) {
      fail("the client's certificate does not count any more");
      return false;
    }
    auto identity = engine_->identity();
    if (!identity.ok()) {
      fail(identity.error().message());
      return false;
    }
    identity_ = std::move(identity).value();
    ++shared_->stats.handshakes;
    phase_ = Phase::kOpen;
    if (unsent() == 0) tell_writable();
    if (phase_ == Phase::kOpen) deliver();
    return phase_ == Phase::kOpen;
  }

  void tell_writable() {
    if (std::exchange(owner_waits_, false)) events_->on_writable();
  }

  void read_below() {
    if (!owner_paused_ && std::exchange(below_paused_, false)) below_->resume_reading();
  }

  void on_resumed() {
    resuming_ = false;
    if (phase_ != Phase::kOpen) return;
    owner_paused_ = false;
    deliver();
    if (phase_ == Phase::kOpen) read_below();
  }

  /// Hands what has arrived to the owner, as far as it takes it.
  void deliver() {
    while (phase_ == Phase::kOpen) {
      const std::span<char> buffer = events_->read_buffer();
      if (phase_ != Phase::kOpen) return;
      if (buffer.empty()) {
        owner_paused_ = true;
        return;
      }
      size_t size = 0;
      const TlsEngine::Outcome outcome = engine_->read(buffer, size);
      flush();  // what TLS itself answers
      if (size > 0) events_->on_read(size);
      if (phase_ != Phase::kOpen) return;
      // Not a pause: who sends much before reading anything would wait for ever.
      if (unsent() > limits::kTlsUnsentBytesMax)
        return fail("the peer does not read what TLS itself answers");
      switch (outcome) {
        case TlsEngine::Outcome::kDone:
          break;
        case TlsEngine::Outcome::kWantsInput:
          return;
        case TlsEngine::Outcome::kEnded:
          phase_ = Phase::kEnded;
          return events_->on_closed(
              Error(Code::kInternalError, "the peer closed its side").with("reason", "end"));
        case TlsEngine::Outcome::kFailed:
          return fail(engine_->failure());
      }
    }
  }

  size_t encrypt(std::string_view bytes) {
    size_t taken = 0;
    while (taken < bytes.size()) {
      const size_t size = engine_->write(bytes.substr(taken));
      if (size == 0) {
        fail_soon();
        return bytes.size();
      }
      taken += size;
      if (engine_->output().size() >= limits::kTlsAheadBytesMax) flush();
      if (unsent() > 0) return taken;
    }
    flush();
    return taken;
  }

  size_t unsent() const { return output_.size() - output_sent_; }

  /// Sends what is ready, as far as the connection below takes it.
  void flush() {
    if (engine_ && !stepping_ && !engine_->output().empty()) {
      if (output_.empty()) {
        output_.swap(engine_->output());
      } else {
        output_ += engine_->output();
      }
      engine_->output().clear();
    }
    if (unsent() == 0 || !below_) return;
    output_sent_ += below_->write(std::string_view(output_).substr(output_sent_));
    if (unsent() > 0) return;
    output_sent_ = 0;
    output_.clear();
    if (output_.capacity() > kOutputBytesKept) output_ = std::string();
  }

  /// TLS is over for a reason: the peer gets the alert, the owner is told.
  void fail(const std::string& why) {
    if (phase_ == Phase::kHandshake) ++shared_->stats.failures;
    log_line(Level::kInfo, "a TLS connection failed", {{"peer", peer_}, {"reason", why}});
    flush();
    phase_ = Phase::kGone;
    below_->close(Stream::Close::kAfterSending);
    events_->on_closed(broken(why));
  }

  /// As fail(), but not from inside the owner's call.
  void fail_soon() {
    shared_->loop.post([self = shared_from_this()] {
      if (self->phase_ == Phase::kOpen || self->phase_ == Phase::kEnded)
        self->fail(self->engine_->failure());
    });
  }

  /// What write() has taken is on our account: it is sent even though the owner has gone.
  void close_when_sent() {
    phase_ = Phase::kClosing;
    shared_->closing.emplace(this, shared_from_this());
    linger_ = shared_->loop.run_after(limits::kLingerMs, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->finish_closing();
    });
  }

  void finish_closing() {
    if (phase_ != Phase::kClosing) return;
    phase_ = Phase::kClosed;
    shared_->loop.cancel(linger_);
    below_->close(unsent() == 0 ? Stream::Close::kAfterSending : Stream::Close::kReset);
    below_.reset();
    shared_->closing.erase(this);  // whoever called this still holds the connection
  }

  std::shared_ptr<TlsShared> shared_;  // shared with the net
  std::unique_ptr<Stream> below_;
  std::string peer_;
  StreamEvents* events_ = nullptr;
  std::optional<TlsEngine> engine_;  // from the peer's first bytes on
  PeerIdentity identity_;
  Phase phase_ = Phase::kHandshake;
  TlsEngine::Outcome stepped_to_ = TlsEngine::Outcome::kWantsInput;

  std::vector<char> input_;  // ciphertext; what the engine has not read stays in place
  size_t input_end_ = 0;
  std::string output_;  // ciphertext that the connection below has not taken
  size_t output_sent_ = 0;

  bool stepping_ = false;  // the engine is the worker's
  bool below_paused_ = false;
  bool owner_paused_ = false;
  bool owner_waits_ = false;  // and the end of it is to be told
  bool resuming_ = false;
  Loop::TimerId linger_ = 0;
};

class TlsStream final : public Stream {
 public:
  explicit TlsStream(std::shared_ptr<TlsConnection> connection)
      : connection_(std::move(connection)) {}
  ~TlsStream() override { connection_->drop(); }
  void start(StreamEvents& events) override { connection_->start(events); }
  void resume_reading() override { connection_->resume_reading(); }
  size_t write(std::string_view bytes) override { return connection_->write(bytes); }
  void close(Close how) override { connection_->close(how); }
  const std::string& peer() const override { return connection_->peer(); }
  const PeerIdentity& identity() const override { return connection_->identity(); }
  bool still_trusted() const override { return connection_->still_trusted(); }

 private:
  std::shared_ptr<TlsConnection> connection_;  // shared with what is under way, see there
};

}  // namespace

std::unique_ptr<Stream> serve_tls(std::shared_ptr<TlsShared> shared,
                                  std::unique_ptr<Stream> below) {
  return std::make_unique<TlsStream>(
      std::make_shared<TlsConnection>(std::move(shared), std::move(below)));
}

}  // namespace rstmdb::io
