// What a simulated way may do beside what every network does (net_contract_test.cc).
#include "io/simulated_net.h"

#include <gtest/gtest.h>

namespace rstmdb::io {
namespace {

class Server final : public StreamEvents {
 public:
  std::span<char> read_buffer() override { return buffer_; }
  void on_read(size_t size) override {
    got.append(buffer_, size);
    ++reads;
  }
  void on_writable() override {}
  void on_closed(const Error& reason) override { ended = reason.detail("reason"); }

  std::unique_ptr<Stream> stream;
  std::string got;
  std::string ended;
  size_t reads = 0;

 private:
  char buffer_[1'000];
};

class SimulatedNetTest : public testing::Test {
 protected:
  void SetUp() override {
    listener_ = net_.listen("127.0.0.1:1",
                            [this](std::unique_ptr<Stream> stream) {
                              server_.stream = std::move(stream);
                              server_.stream->start(server_);
                            })
                    .value();
    link_ = net_.connect("127.0.0.1:1").value();
    loop_.run_for(100);
    ASSERT_NE(server_.stream, nullptr);
  }

  SimulatedLoop loop_;
  SimulatedNet net_{loop_, {.seed = 4, .delay_ms_max = 10}};
  Server server_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<SimulatedLink> link_;
};

TEST_F(SimulatedNetTest, AHeldWayDeliversNothingUntilItIsReleased) {
  link_->hold();
  link_->send("to the server");
  EXPECT_EQ(server_.stream->write("to the client"), 13u);
  loop_.run_for(60'000);
  EXPECT_EQ(server_.got, "");
  EXPECT_EQ(link_->received(), "");
  link_->release();
  loop_.run_for(100);
  EXPECT_EQ(server_.got, "to the server");
  EXPECT_EQ(link_->received(), "to the client");
}

TEST_F(SimulatedNetTest, OfAHeldWayNeitherSideHearsThatItIsBroken) {
  link_->hold();
  link_->reset();
  loop_.run_for(60'000);
  EXPECT_EQ(server_.ended, "");
  link_->release();
  loop_.run_for(100);
  EXPECT_EQ(server_.ended, "broken");
}

TEST_F(SimulatedNetTest, ACutBreaksItForBoth) {
  int changes = 0;
  link_->on_change([&] { ++changes; });
  link_->cut();
  loop_.run_for(100);
  EXPECT_EQ(server_.ended, "broken");
  EXPECT_TRUE(link_->was_reset());
  EXPECT_GT(changes, 0);
}

TEST_F(SimulatedNetTest, OfALostServerAPrefixArrivesAndNothingThatItWritesAfterwards) {
  server_.stream->write("on its way");
  net_.lose_server();
  server_.stream->write(" and never sent");
  server_.stream->close(Stream::Close::kAfterSending);
  EXPECT_TRUE(std::string_view("on its way").starts_with(link_->received()));
  EXPECT_TRUE(link_->was_reset());
  const std::string at_once = link_->received();
  loop_.run_for(100);
  EXPECT_EQ(link_->received(), at_once);
}

TEST(SimulatedNet, BytesAreSlicedInStretchesAndAllArrive) {
  constexpr size_t kBytes = 40'000;
  const auto reads_of = [](size_t sliced_bytes) {
    SimulatedLoop loop;
    SimulatedNet net(loop, {.seed = 4, .slice_bytes_max = 1, .sliced_bytes = sliced_bytes});
    Server server;
    const auto listener = net.listen("127.0.0.1:1",
                                     [&](std::unique_ptr<Stream> stream) {
                                       server.stream = std::move(stream);
                                       server.stream->start(server);
                                     })
                              .value();
    const auto link = net.connect("127.0.0.1:1").value();
    link->send(std::string(kBytes, 'x'));
    loop.run_for(1'000);
    EXPECT_EQ(server.got, std::string(kBytes, 'x'));
    return server.reads;
  };
  EXPECT_EQ(reads_of(0), kBytes);
  const size_t reads = reads_of(64);
  EXPECT_GT(reads, kBytes / 1'000);
  EXPECT_LT(reads, kBytes / 10);
}

TEST(SimulatedNet, AClientMayComeFromAHostOfItsOwn) {
  SimulatedLoop loop;
  SimulatedNet net(loop);
  std::string peer;
  const auto listener =
      net.listen("127.0.0.1:1", [&](std::unique_ptr<Stream> stream) { peer = stream->peer(); })
          .value();
  const auto link = net.connect("127.0.0.1:1", "10.0.0.7").value();
  loop.run_for(10);
  EXPECT_TRUE(peer.starts_with("10.0.0.7:")) << peer;
}

}  // namespace
}  // namespace rstmdb::io
