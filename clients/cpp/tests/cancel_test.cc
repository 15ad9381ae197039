// A stop that comes while its call is on the way out: either the call is not sent, or the program
// is told that it may have been applied.
#include "client_fixture.h"
#include "decode.h"
#include "link.h"

namespace rstmdb::client {
namespace {

TEST(ACancelledCall, ThatIsBeingSentMayHaveBeenApplied) {
  std::stop_source stop;
  FakeServer server;
  server.on("APPLY_EVENT", [](Peer&, const Received&) {});
  Options options = options_for(server);
  options.trace = [&](TraceEvent event, std::string_view text) {
    if (event == TraceEvent::kSent && text.find("APPLY_EVENT") != text.npos) stop.request_stop();
  };
  Client client = Client::connect(options).value();
  const auto result =
      client.apply_event({.instance_id = "i", .event = "E"}, {.stop = stop.get_token()});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().kind(), ErrorKind::kCancelled);
  EXPECT_TRUE(server.wait_for("APPLY_EVENT", 1)) << "the stop came too late for that";
  EXPECT_TRUE(result.error().maybe_applied());
}

/// A PING whose stop has been requested, and has come as far as to decide that it is not sent.
class BeingCancelled final : public Call {
 public:
  BeingCancelled()
      : Call(R"("op":"PING","params":{}})", Repeat::kAllowed,
             std::chrono::steady_clock::now() + 8s) {
    claim_cancelling();
  }
  void succeed(json::Value) override {}
  void fail(Error) override {}
  bool finished() const override { return false; }
};

TEST(ACancelledCall, ThatHasNotBeenSentNeverIs) {
  FakeServer server;
  server.always("INFO", "{}");
  Link link(std::make_shared<const Options>(options_for(server)), nullptr);
  ASSERT_RESULT(link.start(Link::Begin::kConnect));
  link.submit(std::make_shared<BeingCancelled>(), Link::Send::kNow);
  const auto next = TypedCall<void>::make(R"("op":"INFO","params":{}})", Repeat::kAllowed,
                                          std::chrono::steady_clock::now() + 8s, decode_nothing,
                                          std::stop_token());
  link.submit(next, Link::Send::kNow);
  EXPECT_RESULT(next->future().get());
  EXPECT_TRUE(server.received("PING").empty());
}

}  // namespace
}  // namespace rstmdb::client
