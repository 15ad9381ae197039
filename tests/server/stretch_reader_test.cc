#include "server/stretch_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <regex>
#include <string>
#include <vector>

#include "server_fixture.h"

namespace rstmdb::server {
namespace {

constexpr size_t kStretch = ReadAhead::kRequestsMax;

std::string framed(std::string_view payload) {
  std::string frame;
  const size_t start = wire::begin_frame(frame, wire::Dialect::kRcpx);
  frame += payload;
  wire::end_frame(frame, wire::Dialect::kRcpx, start);
  return frame;
}

std::string pings(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i)
    bytes += framed(TestClient::request(std::to_string(i), "GET_INSTANCE", "{}"));
  return bytes;
}

class StretchReaderTest : public testing::Test {
 protected:
  /// Takes all that is offered, in order; the ids of the requests.
  std::vector<std::string> take_all(StretchReader::Offered offered, std::string_view input) {
    std::vector<std::string> ids;
    size_t at = 0;
    while (ReadAhead* read = reader_.take(offered, input.data() + at)) {
      for (const ReadAhead::Entry& entry : read->entries()) {
        ids.emplace_back((*entry.request)->id);
        at += entry.frame.size;
      }
    }
    return ids;
  }

  wire::FrameReader frames_{wire::Dialect::kRcpx, 1 << 20};
  StretchReader reader_{io::Ahead::kThread};
};

TEST_F(StretchReaderTest, WholeStretchesAreOfferedAndReadInOrder) {
  for (const size_t count : {size_t{0}, kStretch - 1, kStretch, 5 * kStretch + 7}) {
    const std::string input = pings(count);
    const std::vector<std::string> ids = take_all(reader_.offer(frames_, input), input);
    ASSERT_EQ(ids.size(), count / kStretch * kStretch);
    for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(ids[i], std::to_string(i));
    reader_.end_turn();
  }
}

TEST_F(StretchReaderTest, AllConnectionsOfATurnShareItsBound) {
  const std::string input = pings(40 * kStretch);
  const auto first = reader_.offer(frames_, input);
  const auto second = reader_.offer(frames_, input);
  const auto third = reader_.offer(frames_, input);
  EXPECT_EQ(first.end - first.next, 40u);
  EXPECT_EQ(second.end - second.next, StretchReader::kStretchesMax - 40);
  EXPECT_FALSE(third.any());
  EXPECT_EQ(take_all(second, input).size(), (StretchReader::kStretchesMax - 40) * kStretch);
  EXPECT_EQ(take_all(first, input).size(), 40 * kStretch);
  reader_.end_turn();
  EXPECT_TRUE(reader_.offer(frames_, input).any()) << "the next turn has its own";
  reader_.end_turn();
}

TEST_F(StretchReaderTest, LargeRequestsAreReadAheadAsFarAsTheirBytesGo) {
  constexpr size_t kLarge = 100'000;
  std::string input;
  for (size_t i = 0; i < 10 * kStretch; ++i)
    input += framed(TestClient::request("1", "PING", '"' + std::string(kLarge, 'x') + '"'));
  const auto offered = reader_.offer(frames_, input);
  EXPECT_EQ(offered.end - offered.next, StretchReader::kTurnBytesMax / (kLarge * kStretch));
  EXPECT_FALSE(reader_.offer(frames_, pings(kStretch)).any());
  reader_.end_turn();
}

TEST_F(StretchReaderTest, WhatBeginsElsewhereIsDropped) {
  const std::string input = pings(4 * kStretch);
  auto offered = reader_.offer(frames_, input);
  EXPECT_NE(reader_.take(offered, input.data()), nullptr);
  EXPECT_EQ(reader_.take(offered, input.data() + 1), nullptr);
  EXPECT_FALSE(offered.any());
}

TEST_F(StretchReaderTest, WhatIsBrokenIsFoundWhereItIs) {
  std::string input = pings(2 * kStretch);
  input[input.find("GET_INSTANCE", input.size() / 4)] ^= 1;  // the sum of its payload is wrong
  auto offered = reader_.offer(frames_, input);
  ReadAhead* read = reader_.take(offered, input.data());
  ASSERT_NE(read, nullptr);
  ASSERT_TRUE(read->broken());
  EXPECT_LT(read->entries().size(), kStretch);
  reader_.end_turn();
}

TEST_F(StretchReaderTest, WhatIsNotTakenIsOverAtTheEndOfTheTurn) {
  for (int turn = 0; turn < 200; ++turn) {
    std::string input = pings(20 * kStretch);
    reader_.offer(frames_, input);
    reader_.end_turn();
    input.assign(input.size(), '?');  // nobody reads it any more
  }
}

/// The same traffic for a server that reads on one thread and for one that reads on two.
class ReadOnTwoThreads : public ServerFixture {
 protected:
  static constexpr size_t kClients = 5;

  static std::string any_request(std::mt19937_64& random, size_t number) {
    const std::string id = std::to_string(number);
    const std::string instance = "i" + std::to_string(random() % 20);
    switch (random() % 60) {
      case 0:
        return TestClient::request(id, "NO_SUCH_OPERATION", "{}");
      case 1:
        return TestClient::request(id, "HELLO", R"({"wire_modes":["binary_json"]})");
      case 2:
        return TestClient::request(id, "PING", "{}");
      case 3:
        return "{\"type\":\"request\",\"id\":\"" + id + "\",";
      case 4:
        return TestClient::request(id, "GET_INSTANCE", R"({"instance_id":7})");
      case 5:
        return "";
    }
    if (number < 20)
      return TestClient::request(id, "CREATE_INSTANCE",
                                 R"({"machine":"m","version":1,"instance_id":"i)" + id + R"("})");
    if (random() % 2 == 0)
      return TestClient::request(id, "GET_INSTANCE", R"({"instance_id":")" + instance + R"("})");
    return TestClient::request(id, "APPLY_EVENT",
                               R"({"instance_id":")" + instance + R"(","event":")" +
                                   (random() % 2 == 0 ? "GO" : "BACK") + R"("})");
  }

  static std::string timeless(const std::string& answer) {
    static const std::regex kTimes(R"(_at":\d+)");
    return std::regex_replace(answer, kTimes, "_at\":0");
  }

  /// A server of two threads, and a client that it has given the buffer of one that pipelines.
  std::unique_ptr<TestClient> start_and_connect() {
    ahead_ = io::Ahead::kThread;
    start();
    auto client = connect();
    constexpr int kRequests = 300;
    client->peer().send(pings(kRequests));
    for (int i = 0; i < kRequests; ++i) EXPECT_NE(client->answer(), "");
    return client;
  }

  /// Everything that the clients are answered.
  std::vector<std::string> answers(io::Ahead ahead, uint64_t seed) {
    ahead_ = ahead;
    start();
    prepare();
    std::mt19937_64 random(seed);
    std::vector<std::unique_ptr<TestClient>> clients;
    for (size_t i = 0; i < kClients; ++i) clients.push_back(connect());
    std::vector<std::string> all;
    for (int turn = 0; turn < 6; ++turn) {
      size_t sent = 0;
      for (const auto& client : clients) {
        const size_t count = random() % 300;
        std::string bytes;
        for (size_t i = 0; i < count; ++i) bytes += framed(any_request(random, sent++));
        if (turn == 5) bytes += "no frame";
        client->peer().send(bytes);
      }
      for (const auto& client : clients) {
        while (client->has_answer()) all.push_back(timeless(client->answer()));
        log_->commit_flushed();
      }
    }
    clients.clear();
    TearDown();
    return all;
  }
};

TEST_F(ReadOnTwoThreads, AnswersAreTheSame) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const std::vector<std::string> alone = answers(io::Ahead::kInline, seed);
    EXPECT_GT(alone.size(), 1'000u);
    const std::vector<std::string> two = answers(io::Ahead::kThread, seed);
    ASSERT_EQ(two.size(), alone.size()) << "seed " << seed;
    for (size_t i = 0; i < two.size(); ++i) ASSERT_EQ(two[i], alone[i]) << "seed " << seed;
  }
}

TEST_F(ReadOnTwoThreads, WhatSwitchesTheFormEndsWhatWasReadInTheOldOne) {
  const auto client = start_and_connect();
  const std::string lines = TestClient::request("line", "PING", "{}") + "\n";
  client->peer().send(pings(8) +
                      framed(TestClient::request("hello", "HELLO", R"({"wire_modes":["jsonl"]})")) +
                      lines);
  for (int i = 0; i < 8; ++i) EXPECT_NE(client->answer_before_switch(), "");
  EXPECT_NE(client->answer_before_switch().find("\"hello\""), std::string::npos);
  client->speak(wire::Dialect::kJsonl);
  EXPECT_NE(client->answer().find("\"line\""), std::string::npos);
}

TEST_F(ReadOnTwoThreads, WhatSwitchesTheFormAtTheEndOfAStretchEndsTheOldOneToo) {
  const auto client = start_and_connect();
  client->peer().send(pings(kStretch - 1) +
                      framed(TestClient::request("hello", "HELLO", R"({"wire_modes":["jsonl"]})")) +
                      pings(kStretch));
  for (size_t i = 0; i < kStretch - 1; ++i) EXPECT_NE(client->answer_before_switch(), "");
  EXPECT_NE(client->answer_before_switch().find("\"hello\""), std::string::npos);
  client->speak(wire::Dialect::kJsonl);
  EXPECT_FALSE(client->has_answer()) << "frames are no lines";
}

TEST_F(ReadOnTwoThreads, WhoEndsAmongWhatWasReadForItEndsThere) {
  const auto client = start_and_connect();
  client->peer().send(pings(40) + framed(TestClient::request("bye", "BYE", "{}")) + pings(200));
  for (int i = 0; i < 40; ++i) EXPECT_NE(client->answer(), "");
  EXPECT_NE(client->answer().find("\"bye\""), std::string::npos);
  EXPECT_EQ(client->answer(), "");
  EXPECT_TRUE(client->ended());
}

}  // namespace
}  // namespace rstmdb::server
