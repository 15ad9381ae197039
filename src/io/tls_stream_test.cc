// TLS over the simulated network: what the contract of all nets does not ask.
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/logging.h"
#include "io/tls_bench.h"
#include "io/tls_net.h"

namespace rstmdb::io {
namespace {

using Asked = TlsContext::ClientCertificate;

class Owner : public StreamEvents {
 public:
  explicit Owner(std::unique_ptr<Stream> of) : stream(std::move(of)) { stream->start(*this); }
  std::span<char> read_buffer() override { return buffer; }
  void on_read(size_t size) override { received.append(buffer, size); }
  void on_writable() override { ++writables; }
  void on_closed(const Error& reason) override {
    ends.emplace_back(reason.detail("reason"));
    why = reason.message();
  }

  std::unique_ptr<Stream> stream;
  std::string received;
  std::vector<std::string> ends;
  std::string why;  // of the last end
  int writables = 0;

 private:
  char buffer[700];
};

class TlsStreamTest : public testing::TestWithParam<uint64_t> {
 protected:
  TlsStreamTest() { set_logging(Level::kError, LogFormat::kJson); }
  ~TlsStreamTest() override { owners_.clear(); }

  void listen(const TlsContext::Options& options) {
    tls_ = std::make_unique<TlsNet>(TlsNet::Options{.below = net_,
                                                    .loop = loop_,
                                                    .worker = worker_,
                                                    .context = TlsContext::load(options).value()});
    listener_ = tls_->listen("127.0.0.1:0",
                             [this](std::unique_ptr<Stream> stream) {
                               owners_.push_back(std::make_unique<Owner>(std::move(stream)));
                             })
                    .value();
  }
  SimulatedPeer& connect_plain() {
    const size_t before = owners_.size();
    below_.push_back(net_.connect(listener_->address()).value());
    EXPECT_TRUE(loop_.run_until([&] { return owners_.size() > before; }, 1'000));
    return *below_.back();
  }
  /// A client whose handshake is over on both sides, well or not.
  TlsPeer& connect(TlsPeer::Options options = {}) {
    const uint64_t before = handshakes();
    peers_.push_back(std::make_unique<TlsPeer>(connect_plain(), std::move(options)));
    TlsPeer& peer = *peers_.back();
    EXPECT_TRUE(run_until([&] { return handshakes() > before && (peer.shaken() || over(peer)); }));
    return peer;
  }
  uint64_t handshakes() const { return tls_->stats().handshakes + tls_->stats().failures; }
  static bool over(TlsPeer& peer) { return peer.failed() || peer.ended() || peer.was_reset(); }
  bool run_until(std::move_only_function<bool()> condition) {
    return loop_.run_until(
        [&] {
          for (const auto& peer : peers_) peer->pump();
          return condition();
        },
        60'000);
  }
  Owner& owner() { return *owners_.back(); }

  SimulatedLoop loop_{{.seed = GetParam()}};
  SimulatedWorker worker_{loop_, {.seed = GetParam(), .delay_ms_max = 3}};
  SimulatedNet net_{loop_,
                    {.seed = GetParam(),
                     .slice_bytes_max = GetParam() % 3 == 0 ? 1 : GetParam() * 97,
                     .delay_ms_max = 2,
                     .window_bytes = 2'000}};
  std::unique_ptr<TlsNet> tls_;
  std::unique_ptr<Listener> listener_;
  std::vector<std::unique_ptr<SimulatedPeer>> below_;
  std::vector<std::unique_ptr<TlsPeer>> peers_;
  std::vector<std::unique_ptr<Owner>> owners_;
};

TEST_P(TlsStreamTest, BothVersionsAreSpokenWithForwardSecrecyAndWithoutResumption) {
  listen(tls_files().server());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsPeer& peer = connect({.version = version});
    ASSERT_TRUE(peer.shaken());
    EXPECT_EQ(SSL_version(peer.ssl()), version);
    EXPECT_TRUE(SSL_CIPHER_is_aead(SSL_get_current_cipher(peer.ssl())));
    peer.send("question");
    ASSERT_TRUE(run_until([&] { return owner().received == "question"; }));
    EXPECT_EQ(owner().stream->write("answer"), 6u);
    ASSERT_TRUE(run_until([&] { return peer.received() == "answer"; }));
    EXPECT_EQ(SSL_SESSION_has_ticket(SSL_get_session(peer.ssl())), 0);
    EXPECT_EQ(SSL_get_early_data_status(peer.ssl()), SSL_EARLY_DATA_NOT_SENT);
  }
  EXPECT_EQ(tls_->stats().handshakes, 2u);
  EXPECT_EQ(tls_->stats().failures, 0u);
}

TEST_P(TlsStreamTest, WhatIsNoTlsIsTurnedAway) {
  listen(tls_files().server());
  const std::string frame("RCPX\0\1\0\0\0\0\0\0\0\0\0\0\0\0", 18);
  for (const std::string& bytes :
       {frame, std::string("{\"type\":\"request\"}\n"), std::string("GET / HTTP/1.1\r\n\r\n"),
        std::string("\x16"
                    "junkjunk")}) {
    SimulatedPeer& peer = connect_plain();
    peer.send(bytes);
    ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); })) << bytes;
    EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"});
    EXPECT_TRUE(run_until([&] { return peer.ended(); }));
    EXPECT_EQ(peer.received().find("RCPX"), std::string::npos) << "no plain answer";
    EXPECT_EQ(owner().received, "");
  }
  EXPECT_EQ(tls_->stats().failures, 4u);
}

TEST_P(TlsStreamTest, AnEndWithoutTheEndOfTlsIsBroken) {
  listen(tls_files().server());
  TlsPeer& cut = connect();
  cut.send("last words");
  cut.below().finish();
  ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); }));
  EXPECT_EQ(owner().received, "last words");
  EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"});
  TlsPeer& orderly = connect();
  orderly.finish();
  ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); }));
  EXPECT_EQ(owner().ends, std::vector<std::string>{"end"});
}

TEST_P(TlsStreamTest, AHandshakeMayEndAtAnyByte) {
  listen(tls_files().server());
  // The client's side of one handshake, as the wire had it, is enough to be cut anywhere.
  struct Recorder : SimulatedPeer {
    void send(std::string_view bytes) override { sent += bytes; }
    size_t unsent() const override { return 0; }
    std::string& received() override { return taken; }
    void pause() override {}
    void resume() override {}
    void finish() override {}
    void close() override {}
    void reset() override {}
    bool ended() const override { return false; }
    bool was_reset() const override { return false; }
    std::string sent;
    std::string taken;
  } recorder;
  const TlsPeer client(recorder, {});
  ASSERT_GT(recorder.sent.size(), 100u);
  for (size_t size = 0; size < recorder.sent.size(); size += 13) {
    for (const bool reset : {false, true}) {
      SimulatedPeer& peer = connect_plain();
      peer.send(recorder.sent.substr(0, size));
      loop_.run_for(static_cast<int64_t>(size % 7));
      if (reset)
        peer.reset();
      else
        peer.close();
      ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); })) << size;
      EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"});
    }
  }
}

TEST_P(TlsStreamTest, AnOwnerMayLeaveAtAnyMoment) {
  listen(tls_files().server());
  for (int64_t wait_ms = 0; wait_ms < 30; ++wait_ms) {
    for (const int how : {0, 1, 2}) {
      SimulatedPeer& below = connect_plain();
      peers_.push_back(std::make_unique<TlsPeer>(below, TlsPeer::Options{}));
      TlsPeer& peer = *peers_.back();
      peer.send("hello");
      for (int64_t i = 0; i < wait_ms; ++i) {
        peer.pump();
        loop_.run_for(1);
      }
      if (how == 0) owner().stream->close(Stream::Close::kAfterSending);
      if (how == 1) owner().stream->close(Stream::Close::kReset);
      owner().stream.reset();
      ASSERT_TRUE(run_until([&] { return peer.ended() || peer.was_reset(); })) << wait_ms << how;
      EXPECT_TRUE(owner().ends.empty());
      peers_.clear();
    }
  }
}

TEST_P(TlsStreamTest, RenegotiationIsRefusedAndTheConnectionGoesOn) {
  listen(tls_files().server());
  TlsPeer& peer = connect({.version = TLS1_2_VERSION});
  ASSERT_TRUE(peer.shaken());
  ASSERT_EQ(SSL_renegotiate(peer.ssl()), 1);
  SSL_do_handshake(peer.ssl());
  peer.send("x");
  // The client gives up when it is told no; the server has seen no second handshake.
  run_until([&] { return over(peer) || owner().received == "x"; });
  EXPECT_EQ(tls_->stats().handshakes, 1u);
  EXPECT_EQ(SSL_num_renegotiations(peer.ssl()), SSL_total_renegotiations(peer.ssl()));
  EXPECT_TRUE(peer.failed());
}

TEST_P(TlsStreamTest, KeysMayBeRenewed) {
  listen(tls_files().server());
  TlsPeer& peer = connect({.version = TLS1_3_VERSION});
  ASSERT_EQ(SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
  peer.send("under new keys");
  ASSERT_TRUE(run_until([&] { return owner().received == "under new keys"; }));
  owner().stream->write("and back");
  ASSERT_TRUE(run_until([&] { return peer.received() == "and back"; }));
}

TEST_P(TlsStreamTest, WhoReadsNothingIsAnsweredByTlsItselfUpToABound) {
  listen(tls_files().server());
  TlsPeer& peer = connect({.version = TLS1_3_VERSION});
  net_.set_pace(0, 0);  // so many bytes, one at a time, would show no more
  peer.pause();
  const auto renew_keys = [&peer](size_t times) {
    for (size_t i = 0; i < times; ++i) {
      ASSERT_EQ(SSL_key_update(peer.ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(peer.ssl()), 1);
    }
    peer.pump();
  };
  constexpr size_t kAnswerBytes = 5 + 5 + 1 + 16;  // record's header, message, type, tag
  renew_keys(limits::kTlsUnsentBytesMax / kAnswerBytes);
  peer.send("x");
  ASSERT_TRUE(run_until([&] { return owner().received == "x"; }));
  EXPECT_TRUE(owner().ends.empty()) << "it may read later";
  renew_keys(100);  // more than the network holds
  ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); }));
  EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"});
  EXPECT_EQ(owner().why, "the peer does not read what TLS itself answers");
}

TEST_P(TlsStreamTest, AForgedRecordBreaksTheConnection) {
  listen(tls_files().server());
  TlsPeer& peer = connect();
  peer.below().send(std::string("\x17\x03\x03\0\x20", 5) + std::string(32, 'f'));
  ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); }));
  EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"});
  EXPECT_EQ(owner().received, "");
  EXPECT_EQ(owner().stream->write("x"), 1u) << "what is broken takes everything";
}

TEST_P(TlsStreamTest, LittleIsEncryptedAheadOfAPeerThatDoesNotRead) {
  listen(tls_files().server());
  TlsPeer& peer = connect();
  peer.pause();
  const std::string flood(10'000'000, 'x');
  size_t taken = 0;
  for (int i = 0; i < 50; ++i) {
    taken += owner().stream->write(std::string_view(flood).substr(taken));
    loop_.run_for(5);
  }
  EXPECT_LT(taken, limits::kTlsAheadBytesMax + 2 * limits::kTlsRecordBytesMax + 20'000);
  EXPECT_GT(taken, 0u);
  // Closed and gone: what was taken arrives all the same, and then the end.
  owner().stream->close(Stream::Close::kAfterSending);
  owner().stream.reset();
  peer.resume();
  ASSERT_TRUE(run_until([&] { return over(peer); }));
  const bool slow = GetParam() % 3 == 0;  // a byte at a time takes longer than the linger time
  EXPECT_TRUE(peer.ended() || slow);
  EXPECT_TRUE(peer.received().size() == taken || slow);
}

TEST_P(TlsStreamTest, WhoeverDoesNotTakeTheRestIsCut) {
  listen(tls_files().server());
  TlsPeer& peer = connect();
  peer.pause();
  owner().stream->write(std::string(60'000, 'x'));
  owner().stream->close(Stream::Close::kAfterSending);
  owner().stream.reset();
  loop_.run_for(limits::kLingerMs + 100);
  peer.resume();
  EXPECT_TRUE(run_until([&] { return peer.was_reset(); }));
}

TEST_P(TlsStreamTest, TheSubjectOfAVerifiedCertificateIsKnownFromTheFirstByteOn) {
  listen(tls_files().asking(Asked::kOptional));
  TlsPeer& shown = connect({.certificate = "client"});
  shown.send("x");
  ASSERT_TRUE(run_until([&] { return owner().received == "x"; }));
  EXPECT_EQ(owner().stream->identity().subject, "CN=client,O=test");
  EXPECT_GT(owner().stream->identity().expires_ms, 0);
  EXPECT_TRUE(owner().stream->still_trusted());
  TlsPeer& none = connect();
  none.send("y");
  ASSERT_TRUE(run_until([&] { return owner().received == "y"; }));
  EXPECT_EQ(owner().stream->identity().subject, "");
}

TEST_P(TlsStreamTest, CertificatesThatDoNotCountAreRefused) {
  listen(tls_files().asking(Asked::kRequired));
  for (const char* name : {"", "stranger", "long"}) {
    connect({.certificate = name});
    ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); })) << name;
    EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"}) << name;
  }
  TlsPeer& peer = connect({.certificate = "client"});
  peer.send("x");
  EXPECT_TRUE(run_until([&] { return owner().received == "x"; }));
}

TEST_P(TlsStreamTest, NewCertificatesAreForNewConnectionsAndRevocationForAll) {
  listen(tls_files().asking(Asked::kRequired));
  TlsPeer& old = connect({.certificate = "client"});
  old.send("before");
  ASSERT_TRUE(run_until([&] { return owner().received == "before"; }));
  Owner& first = owner();

  TlsContext::Options other = tls_files().asking(Asked::kRequired);
  other.cert_path = tls_files().path("other-server.pem");
  other.key_path = tls_files().path("other-server.key");
  other.client_crl_path = tls_files().path("nobody.crl");
  tls_->use(TlsContext::load(other).value());
  EXPECT_TRUE(first.stream->still_trusted());
  old.send(" and after");
  ASSERT_TRUE(run_until([&] { return first.received == "before and after"; }));
  TlsPeer& fresh = connect({.certificate = "client"});
  ASSERT_TRUE(fresh.shaken());
  char name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(fresh.ssl())),
                            NID_commonName, name, sizeof name);
  EXPECT_STREQ(name, "other server");

  other.client_crl_path = tls_files().path("client.crl");
  tls_->use(TlsContext::load(other).value());
  EXPECT_FALSE(first.stream->still_trusted());
  connect({.certificate = "client"});
  ASSERT_TRUE(run_until([&] { return !owner().ends.empty(); }));
  EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"});
}

TEST_P(TlsStreamTest, RevocationIsForHandshakesUnderWayToo) {
  listen(tls_files().asking(Asked::kRequired));
  peers_.push_back(
      std::make_unique<TlsPeer>(connect_plain(), TlsPeer::Options{.certificate = "client"}));
  TlsPeer& peer = *peers_.back();
  // It has been told what is asked for, and shows it when that has changed.
  ASSERT_TRUE(loop_.run_until([&] { return peer.below().received().size() > 500; }, 60'000));
  TlsContext::Options other = tls_files().asking(Asked::kRequired);
  other.client_crl_path = tls_files().path("client.crl");
  tls_->use(TlsContext::load(other).value());
  ASSERT_TRUE(run_until([&] { return handshakes() > 0; }));
  EXPECT_EQ(owner().ends, std::vector<std::string>{"broken"});
  EXPECT_EQ(owner().stream->identity().subject, "");
  EXPECT_EQ(tls_->stats().handshakes, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, TlsStreamTest, testing::Range(uint64_t{1}, uint64_t{9}));

}  // namespace
}  // namespace rstmdb::io
