// What every Net promises, asked of TCP and of the simulated network, plain and sliced by seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/host_port.h"
#include "io/net_bench.h"

namespace rstmdb::io {
namespace {

/// The owner of a server's stream: collects, and sends what was queued.
class Session : public StreamEvents {
 public:
  static constexpr char kUntouched = 'Z';
  enum class At { kNever, kReadBuffer, kRead, kWritable, kClosed };

  explicit Session(std::unique_ptr<Stream> of) : stream(std::move(of)) {
    call([&] { stream->start(*this); });
  }

  std::span<char> read_buffer() override {
    enter();
    if (close_at == At::kReadBuffer) drop();
    return paused ? std::span<char>() : std::span<char>(buffer);
  }
  void on_read(size_t size) override {
    enter();
    received.append(buffer, size);
    reads += 1;
    if (echo) send(std::string(buffer, size));
    if (close_at == At::kRead) drop();
  }
  void on_writable() override {
    enter();
    writables += 1;
    if (close_at == At::kWritable) return drop();
    flush();
  }
  void on_closed(const Error& error) override {
    enter();
    closed_reasons.emplace_back(error.detail("reason"));
    if (close_at == At::kClosed) drop();
  }

  void send(std::string_view bytes) {
    unsent += bytes;
    if (unsent.size() == bytes.size()) flush();
  }
  void flush() {
    if (unsent.empty() || !stream) return;
    call([&] { unsent.erase(0, stream->write(unsent)); });
  }
  void close(Stream::Close how) {
    call([&] { stream->close(how); });
    gone = true;
    std::memset(buffer, kUntouched, sizeof buffer);
  }
  /// Whether nothing has been written to the buffer since close().
  bool buffer_untouched() const {
    return std::ranges::all_of(buffer, [](char c) { return c == kUntouched; });
  }
  /// Closes and destroys the stream, inside whatever callback this is called from.
  void drop() {
    if (!stream) return;
    close(Stream::Close::kAfterSending);
    stream.reset();
  }
  void resume() {
    paused = false;
    call([&] { stream->resume_reading(); });
  }

  std::unique_ptr<Stream> stream;
  char buffer[300];
  std::string received;
  std::string unsent;
  std::vector<std::string> closed_reasons;
  int reads = 0;
  int writables = 0;
  bool echo = false;
  bool paused = false;
  bool gone = false;
  At close_at = At::kNever;

 private:
  void enter() {
    EXPECT_FALSE(in_call_) << "a callback inside the owner's own call";
    EXPECT_FALSE(gone) << "a callback after close()";
  }
  template <class Do>
  void call(Do&& action) {
    in_call_ = true;
    action();
    in_call_ = false;
  }
  bool in_call_ = false;
};

class NetContract : public testing::TestWithParam<NetKind> {
 protected:
  void listen(const std::string& address = "127.0.0.1:0") {
    auto made = bench->net().listen(address, [this](std::unique_ptr<Stream> stream) {
      auto& session = *sessions.emplace_back(std::make_unique<Session>(std::move(stream)));
      session.echo = echo;
      session.paused = start_paused;
      session.close_at = close_at;
    });
    ASSERT_TRUE(made.ok()) << made.error().to_string();
    listener = std::move(made).value();
  }
  /// A connected client and its session.
  SimulatedPeer& connect() {
    const size_t before = sessions.size();
    SimulatedPeer& peer = bench->connect(listener->address());
    EXPECT_TRUE(bench->run_until([&] { return sessions.size() > before; }));
    return peer;
  }
  static std::string text(size_t size) {
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>((i * 131 + i / 251) & 0xff);
    return bytes;
  }

  std::unique_ptr<Bench> bench = GetParam().make();
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Session>> sessions;
  bool echo = false;
  bool start_paused = false;
  Session::At close_at = Session::At::kNever;
};

TEST_P(NetContract, EchoesEveryByteInOrder) {
  echo = true;
  listen();
  SimulatedPeer& peer = connect();
  const std::string bytes = text(20'000);
  peer.send(bytes);
  ASSERT_TRUE(bench->run_until([&] { return peer.received().size() >= bytes.size(); }));
  EXPECT_EQ(peer.received(), bytes);
  EXPECT_EQ(sessions[0]->received, bytes);
}

TEST_P(NetContract, ManySmallWritesArriveInOrder) {
  listen();
  SimulatedPeer& peer = connect();
  const std::string bytes = text(3'000);
  for (size_t at = 0; at < bytes.size(); at += 3) sessions[0]->send(bytes.substr(at, 3));
  ASSERT_TRUE(bench->run_until([&] { return peer.received().size() >= bytes.size(); }));
  EXPECT_EQ(peer.received(), bytes);
}

TEST_P(NetContract, AShortWriteIsFollowedByWritable) {
  listen();
  SimulatedPeer& peer = connect();
  peer.pause();
  const std::string bytes = text(bench->flood_bytes());
  Session& session = *sessions[0];
  session.send(bytes);
  ASSERT_GT(session.unsent.size(), 0u) << "the write was not short";
  peer.resume();
  ASSERT_TRUE(bench->run_until([&] { return peer.received().size() >= bytes.size(); }));
  EXPECT_TRUE(peer.received() == bytes);
  EXPECT_GT(session.writables, 0);
}

TEST_P(NetContract, WritableIsToldOncePerShortWriteAndNotBefore) {
  listen();
  SimulatedPeer& peer = connect();
  Session& session = *sessions[0];
  session.send("whole");
  ASSERT_TRUE(bench->run_until([&] { return peer.received() == "whole"; }));
  const int before = session.writables;
  peer.send("x");
  ASSERT_TRUE(bench->run_until([&] { return session.received == "x"; }));
  EXPECT_EQ(session.writables, before) << "nothing was short meanwhile";
}

TEST_P(NetContract, PausesAndResumesReading) {
  start_paused = true;
  listen();
  SimulatedPeer& first = connect();
  first.send("held back");
  start_paused = false;
  SimulatedPeer& second = connect();
  second.send("goes through");
  ASSERT_TRUE(bench->run_until([&] { return sessions[1]->received == "goes through"; }));
  ASSERT_TRUE(bench->run_until([&] { return first.unsent() == 0; }));
  EXPECT_EQ(sessions[0]->reads, 0);
  sessions[0]->resume();
  sessions[0]->resume();  // twice is once
  ASSERT_TRUE(bench->run_until([&] { return sessions[0]->received == "held back"; }));
}

TEST_P(NetContract, ThePeersEndIsToldAfterAllItsBytes) {
  listen();
  SimulatedPeer& peer = connect();
  const std::string bytes = text(5'000);
  peer.send(bytes);
  peer.finish();
  Session& session = *sessions[0];
  ASSERT_TRUE(bench->run_until([&] { return !session.closed_reasons.empty(); }));
  EXPECT_EQ(session.received, bytes);
  EXPECT_EQ(session.closed_reasons, std::vector<std::string>{"end"});

  session.send("the answer");  // a peer that has finished still reads
  ASSERT_TRUE(bench->run_until([&] { return peer.received() == "the answer"; }));
  session.close(Stream::Close::kAfterSending);
  ASSERT_TRUE(bench->run_until([&] { return peer.ended(); }));
  EXPECT_EQ(session.closed_reasons.size(), 1u);
}

TEST_P(NetContract, AShortWriteAfterThePeersEndIsFollowedByWritableToo) {
  listen();
  SimulatedPeer& peer = connect();
  peer.pause();
  peer.finish();
  Session& session = *sessions[0];
  ASSERT_TRUE(bench->run_until([&] { return !session.closed_reasons.empty(); }));
  const std::string bytes = text(bench->flood_bytes());
  session.send(bytes);
  peer.resume();
  ASSERT_TRUE(bench->run_until([&] { return peer.received().size() >= bytes.size(); }));
  EXPECT_TRUE(peer.received() == bytes);
}

TEST_P(NetContract, AShortWriteBeforeThePeersEndIsFollowedByWritableToo) {
  listen();
  SimulatedPeer& peer = connect();
  peer.pause();
  Session& session = *sessions[0];
  const std::string bytes = text(bench->flood_bytes());
  session.send(bytes);
  EXPECT_FALSE(session.unsent.empty());
  peer.finish();
  ASSERT_TRUE(bench->run_until([&] { return !session.closed_reasons.empty(); }));
  peer.resume();
  ASSERT_TRUE(bench->run_until([&] { return peer.received().size() >= bytes.size(); }));
  EXPECT_TRUE(peer.received() == bytes);
}

TEST_P(NetContract, APausedReaderIsToldOfThePeersEndAfterResuming) {
  start_paused = true;
  listen();
  SimulatedPeer& peer = connect();
  peer.send("last words");
  peer.finish();
  ASSERT_TRUE(bench->run_until([&] { return peer.unsent() == 0; }));
  EXPECT_TRUE(sessions[0]->closed_reasons.empty());
  sessions[0]->resume();
  ASSERT_TRUE(bench->run_until([&] { return !sessions[0]->closed_reasons.empty(); }));
  EXPECT_EQ(sessions[0]->received, "last words");
}

TEST_P(NetContract, AResetIsToldOnceAsBroken) {
  listen();
  SimulatedPeer& peer = connect();
  peer.send("x");
  ASSERT_TRUE(bench->run_until([&] { return sessions[0]->received == "x"; }));
  peer.reset();
  Session& session = *sessions[0];
  ASSERT_TRUE(bench->run_until([&] { return !session.closed_reasons.empty(); }));
  EXPECT_EQ(session.closed_reasons, std::vector<std::string>{"broken"});
  session.send(text(1000));
  EXPECT_TRUE(session.unsent.empty()) << "a broken connection takes everything";
}

TEST_P(NetContract, WritingToAResetConnectionIsToldAsBrokenWhileReadingIsPaused) {
  start_paused = true;
  listen();
  SimulatedPeer& peer = connect();
  peer.reset();
  Session& session = *sessions[0];
  int checks = 0;
  bench->run_until([&] {
    session.send("x");
    return ++checks > 20;
  });
  session.resume();
  ASSERT_TRUE(bench->run_until([&] { return !session.closed_reasons.empty(); }));
  EXPECT_EQ(session.closed_reasons, std::vector<std::string>{"broken"});
}

TEST_P(NetContract, CloseDeliversWhatWasWrittenThoughThePeerGoesOnSending) {
  listen();
  SimulatedPeer& peer = connect();
  peer.send(text(1'000));
  ASSERT_TRUE(bench->run_until([&] { return sessions[0]->reads > 0; }));
  while (!sessions[0]->unsent.empty()) sessions[0]->flush();
  sessions[0]->send("go away");
  ASSERT_TRUE(bench->run_until([&] { return sessions[0]->unsent.empty(); }));
  sessions[0]->drop();
  peer.send(text(2'000));  // is dropped, and answered by no reset
  ASSERT_TRUE(bench->run_until([&] { return peer.ended() || peer.was_reset(); }));
  ASSERT_TRUE(bench->run_until([&] { return peer.unsent() == 0; }));
  EXPECT_TRUE(sessions[0]->buffer_untouched());
  EXPECT_TRUE(peer.ended());
  EXPECT_EQ(peer.received(), "go away");
}

TEST_P(NetContract, CloseByResetBreaksThePeersConnection) {
  listen();
  SimulatedPeer& peer = connect();
  sessions[0]->close(Stream::Close::kReset);
  ASSERT_TRUE(bench->run_until([&] { return peer.was_reset(); }));
  EXPECT_FALSE(peer.ended());
}

TEST_P(NetContract, DestroyingTheStreamClosesIt) {
  listen();
  SimulatedPeer& peer = connect();
  sessions[0]->gone = true;
  sessions[0]->stream.reset();
  ASSERT_TRUE(bench->run_until([&] { return peer.ended() || peer.was_reset(); }));
}

TEST_P(NetContract, MayBeClosedInsideEveryCallback) {
  for (const auto at : {Session::At::kReadBuffer, Session::At::kRead, Session::At::kWritable,
                        Session::At::kClosed}) {
    sessions.clear();
    close_at = at;
    listen();
    SimulatedPeer& peer = connect();
    Session& session = *sessions[0];
    peer.send("some bytes");
    if (at == Session::At::kWritable) {
      peer.pause();
      session.send(text(bench->flood_bytes()));
      peer.resume();
    }
    if (at == Session::At::kClosed) peer.finish();
    ASSERT_TRUE(bench->run_until([&] { return session.gone; })) << static_cast<int>(at);
    int checks = 0;  // input goes on for a while, and must not reach the buffer
    bench->run_until([&] {
      if (at != Session::At::kClosed) peer.send("more");
      return ++checks > 20;
    });
    ASSERT_TRUE(bench->run_until([&] { return peer.ended() || peer.was_reset(); }));
    EXPECT_TRUE(session.buffer_untouched()) << static_cast<int>(at);
  }
}

TEST_P(NetContract, TwoHundredConnectionsAtOnce) {
  echo = true;
  listen();
  std::vector<SimulatedPeer*> peers;
  for (int i = 0; i < 200; ++i) {
    peers.push_back(&bench->connect(listener->address()));
    peers.back()->send("connection " + std::to_string(i));
  }
  ASSERT_TRUE(bench->run_until([&] {
    for (int i = 0; i < 200; ++i)
      if (peers[i]->received() != "connection " + std::to_string(i)) return false;
    return true;
  }));
  EXPECT_EQ(sessions.size(), 200u);
}

TEST_P(NetContract, NamesItsAddressAndItsPeers) {
  listen();
  const HostPort at = split_host_port(listener->address()).value();
  EXPECT_EQ(at.host, "127.0.0.1");
  EXPECT_NE(at.port, 0);
  connect();
  const HostPort peer = split_host_port(sessions[0]->stream->peer()).value();
  EXPECT_EQ(peer.host, "127.0.0.1");
  EXPECT_NE(peer.port, 0);
}

TEST_P(NetContract, ServesIPv6) {
  echo = true;
  listen("[::1]:0");
  EXPECT_TRUE(listener->address().starts_with("[::1]:")) << listener->address();
  SimulatedPeer& peer = connect();
  peer.send("six");
  ASSERT_TRUE(bench->run_until([&] { return peer.received() == "six"; }));
  EXPECT_TRUE(sessions[0]->stream->peer().starts_with("[::1]:")) << sessions[0]->stream->peer();
}

TEST_P(NetContract, RefusesBadAndTakenAddresses) {
  for (const char* address : {"", "7401", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", ":7401",
                              "::1:7401", "[::1]", "no such host:1", "no-such-host.invalid:1"}) {
    const auto made = bench->net().listen(address, [](std::unique_ptr<Stream>) {});
    ASSERT_FALSE(made.ok()) << address;
    EXPECT_EQ(made.error().code(), Code::kBadRequest) << address;
    EXPECT_EQ(made.error().detail("address"), address);
  }
  listen();
  const auto taken = bench->net().listen(listener->address(), [](std::unique_ptr<Stream>) {});
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code(), Code::kInternalError);
  EXPECT_EQ(taken.error().detail("address"), listener->address());
  EXPECT_EQ(taken.error().detail_number("errno", 0), EADDRINUSE);
}

TEST_P(NetContract, StreamsOutliveTheirListener) {
  echo = true;
  listen();
  SimulatedPeer& peer = connect();
  const std::string address = listener->address();
  listener.reset();
  peer.send("still here");
  ASSERT_TRUE(bench->run_until([&] { return peer.received() == "still here"; }));
  EXPECT_TRUE(bench->net().listen(address, [](std::unique_ptr<Stream>) {}).ok())
      << "the address is free again";
}

TEST_P(NetContract, AListenerMayGoInsideItsAccept) {
  int accepted = 0;
  listener = bench->net()
                 .listen("127.0.0.1:0",
                         [&](std::unique_ptr<Stream> stream) {
                           ++accepted;
                           listener.reset();
                           stream->close(Stream::Close::kReset);
                         })
                 .value();
  SimulatedPeer& first = bench->connect(listener->address());
  ASSERT_TRUE(bench->run_until([&] { return first.was_reset(); }));
  EXPECT_EQ(accepted, 1);
}

INSTANTIATE_TEST_SUITE_P(All, NetContract, testing::ValuesIn(net_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace rstmdb::io
