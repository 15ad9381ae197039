#include "node/release_gate.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace rstmdb::node {
namespace {

class Receiver : public Outbox::Listener {
 public:
  void on_released() override { ++released; }
  void on_withdrawn(std::string_view answers, const Error& error) override {
    withdrawn += answers;
    code = error.code();
  }
  int released = 0;
  std::string withdrawn;
  Code code = Code::kInternalError;
};

void put(Outbox& outbox, Outbox::Guess guess, std::string_view answer, uint64_t depends_on) {
  outbox.open(guess) += answer;
  outbox.seal(depends_on);
}

TEST(ReleaseGate, AnswersLeaveInOffsetOrderWhenCommitted) {
  ReleaseGate gate;
  Receiver receiver;
  Outbox outbox(gate, receiver);
  put(outbox, Outbox::Guess::kWaits, "[1]", 1);
  put(outbox, Outbox::Guess::kWaits, "[2]", 2);
  put(outbox, Outbox::Guess::kGoes, "[free]", 0);
  put(outbox, Outbox::Guess::kGoes, "[read of 2]", 2);
  EXPECT_EQ(outbox.ready(), "[free]");
  EXPECT_EQ(outbox.held_answers(), 3u);
  gate.release(1);
  EXPECT_EQ(outbox.ready(), "[free][1]");
  EXPECT_EQ(receiver.released, 1);
  gate.release(2);
  EXPECT_EQ(outbox.ready(), "[free][1][2][read of 2]");
  EXPECT_TRUE(gate.idle());
  EXPECT_EQ(outbox.held_bytes(), 0u);
}

TEST(ReleaseGate, WrongGuessesCostOrderOnlyNotTruth) {
  ReleaseGate gate;
  Receiver receiver;
  Outbox outbox(gate, receiver);
  gate.release(5);
  put(outbox, Outbox::Guess::kWaits, "[refused]", 0);
  EXPECT_EQ(outbox.ready(), "[refused]");
  put(outbox, Outbox::Guess::kGoes, "[dirty]", 6);
  EXPECT_EQ(outbox.ready(), "[refused]");
  gate.release(6);
  EXPECT_EQ(outbox.ready(), "[refused][dirty]");
}

TEST(ReleaseGate, FailureWithdrawsWhatWaits) {
  ReleaseGate gate;
  Receiver receiver;
  Outbox outbox(gate, receiver);
  put(outbox, Outbox::Guess::kWaits, "[1]", 1);
  put(outbox, Outbox::Guess::kWaits, "[2]", 2);
  gate.release(1);
  gate.fail(Error(Code::kWalIoError, "gone"));
  EXPECT_EQ(outbox.ready(), "[1]");
  EXPECT_EQ(receiver.withdrawn, "[2]");
  EXPECT_EQ(receiver.code, Code::kWalIoError);
  EXPECT_TRUE(gate.failed());
}

TEST(ReleaseGate, AnOutboxThatIsGoneIsForgotten) {
  ReleaseGate gate;
  Receiver receiver;
  {
    Outbox outbox(gate, receiver);
    put(outbox, Outbox::Guess::kWaits, "[1]", 1);
  }
  gate.release(1);
  EXPECT_EQ(receiver.released, 0);
}

TEST(ReleaseGate, MemoryStaysBoundedWhenSomethingAlwaysWaits) {
  ReleaseGate gate;
  Receiver receiver;
  Outbox outbox(gate, receiver);
  const std::string answer(100, 'x');
  for (uint64_t offset = 1; offset < 100'000; ++offset) {
    put(outbox, Outbox::Guess::kWaits, answer, offset);
    if (offset > 10) gate.release(offset - 10);
    outbox.ready().clear();
    ASSERT_LE(outbox.held_bytes(), 1'100u);
  }
  outbox.open(Outbox::Guess::kWaits);
  EXPECT_LT(outbox.open(Outbox::Guess::kWaits).capacity(), 1'000'000u);
}

TEST(ReleaseGate, WhatHasBeenSentIsNoLongerReady) {
  ReleaseGate gate;
  Receiver receiver;
  Outbox outbox(gate, receiver);
  put(outbox, Outbox::Guess::kGoes, std::string(1024 * 1024, 'x') + "end", 0);
  outbox.drop_sent(3);
  EXPECT_EQ(outbox.ready_bytes(), 1024 * 1024u);
  put(outbox, Outbox::Guess::kWaits, "[1]", 1);
  gate.release(1);
  EXPECT_EQ(outbox.ready_bytes(), 1024 * 1024u + 3);
  outbox.drop_sent(1024 * 1024 - 3);
  EXPECT_EQ(outbox.unsent(), "end[1]");
}

RC_GTEST_PROP(ReleaseGate, NothingLeavesBeforeItsTimeAndNothingIsLost,
              (const std::vector<std::pair<bool, uint8_t>>& answers)) {
  ReleaseGate gate;
  Receiver receiver;
  Outbox outbox(gate, receiver);
  uint64_t committed = 0;
  uint64_t head = 0;
  size_t sent = 0;
  for (const auto& [guess, number] : answers) {
    if (number % 3 == 0 && committed < head) gate.release(++committed);
    const uint64_t depends = number % 2 == 0 ? ++head : head;
    std::string answer(1, 'a');
    put(outbox, guess ? Outbox::Guess::kWaits : Outbox::Guess::kGoes, answer, depends);
    ++sent;
    RC_ASSERT(outbox.ready().size() + outbox.held_bytes() == sent);
    if (depends > committed) RC_ASSERT(outbox.held_answers() > 0u);
  }
  gate.release(head);
  RC_ASSERT(outbox.ready().size() == sent);
}

}  // namespace
}  // namespace rstmdb::node
