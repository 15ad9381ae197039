#include "load/rcp.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "json/document.h"
#include "load/digits.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kPayloadBytesMax = 16 * 1024 * 1024;

/// The one request in `bytes`, read as the server reads it, checksum included.
std::string payload_of(std::string_view bytes) {
  wire::FrameReader frames(kPayloadBytesMax);
  auto frame = frames.next(bytes);
  EXPECT_TRUE(frame.ok() && frame->has_value());
  if (!frame.ok() || !frame->has_value()) return "";
  EXPECT_EQ((*frame)->size, bytes.size());
  return std::string((*frame)->payload);
}

std::string answer(std::string_view payload) {
  std::string frame;
  const size_t start = wire::begin_frame(frame, wire::Dialect::kRcpx);
  frame += payload;
  wire::end_frame(frame, wire::Dialect::kRcpx, start);
  return frame;
}

TEST(Rcp, EveryPreparedRequestIsOneThatTheServerReads) {
  Rcp rcp(150);
  std::string out;
  rcp.append(out, {.operation = Operation::kApplyEvent, .slot = 7, .instance = 42, .number = 9});
  EXPECT_EQ(payload_of(out),
            R"({"type":"request","id":"0007","op":"APPLY_EVENT","params":{)"
            R"("instance_id":"i-00000042","event":"GO","payload":{"n":1000009}}})");
  out.clear();
  rcp.append(out, {.operation = Operation::kGetInstance, .slot = 9999, .instance = 99'999'999});
  EXPECT_EQ(payload_of(out), R"({"type":"request","id":"9999","op":"GET_INSTANCE","params":{)"
                             R"("instance_id":"i-99999999"}})");
  out.clear();
  rcp.append(out, {.operation = Operation::kListInstances, .slot = 1});
  EXPECT_EQ(payload_of(out), R"({"type":"request","id":"0001","op":"LIST_INSTANCES","params":{)"
                             R"("machine":"cycle","state":"a","limit":100}})");
}

TEST(Rcp, ACreationHasAContextOfTheSizeAskedFor) {
  for (const size_t bytes : {kContextBytesMin, size_t{150}, size_t{2048}, size_t{65'536}}) {
    Rcp rcp(bytes);
    std::string out;
    rcp.append(out, {.operation = Operation::kCreateInstance, .slot = 3, .instance = 5});
    const std::string payload = payload_of(out);
    json::Document document;
    ASSERT_TRUE(document.parse(payload).ok());
    const json::Value params = document.root()["params"];
    EXPECT_EQ(params["initial_ctx"].text().size(), bytes);
    EXPECT_TRUE(payload.find("AAAAA") == std::string::npos &&
                payload.find("xxxxx") == std::string::npos);
    const std::string_view instance = params["instance_id"].string();
    EXPECT_TRUE(instance.starts_with("n-") && instance.ends_with("-00000005")) << instance;
  }
}

TEST(Rcp, RequestsFollowEachOtherInOneBuffer) {
  Rcp rcp(150);
  std::string out;
  for (uint32_t slot = 0; slot < 100; ++slot)
    rcp.append(out, {.operation = Operation::kApplyEvent, .slot = slot, .instance = slot});
  wire::FrameReader frames(kPayloadBytesMax);
  std::string_view rest = out;
  uint32_t count = 0;
  for (; !rest.empty(); ++count) {
    auto frame = frames.next(rest);
    ASSERT_TRUE(frame.ok() && frame->has_value());
    rest.remove_prefix((*frame)->size);
  }
  EXPECT_EQ(count, 100u);
}

TEST(Rcp, BatchesOfCreationsAreRead) {
  std::string out;
  append_create_batch(out, 98, 101, context_of(150));
  const std::string payload = payload_of(out);
  json::Document document;
  ASSERT_TRUE(document.parse(payload).ok());
  EXPECT_NE(payload.find("i-00000098"), std::string::npos);
  EXPECT_NE(payload.find("i-00000100"), std::string::npos);
  EXPECT_EQ(payload.find("i-00000101"), std::string::npos);
}

TEST(Rcp, ReadsTheSlotOfAnAnswer) {
  Rcp rcp(150);
  const std::string good = answer(R"({"type":"response","id":"0123","status":"ok","result":{}})");
  for (size_t size = 0; size < good.size(); ++size) {
    const auto part = rcp.read(std::string_view(good).substr(0, size));
    ASSERT_TRUE(part.ok());
    EXPECT_EQ(part->size, 0u);
  }
  const auto read = rcp.read(good + good);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->size, good.size());
  EXPECT_EQ(read->slot, 123u);
  const auto other = rcp.read(answer(R"({"status":"ok","id":"42","type":"response"})"));
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->slot, 42u);
}

TEST(Rcp, AnAnswerThatIsNoSuccessEndsTheLoad) {
  Rcp rcp(150);
  for (const std::string_view payload :
       {R"({"type":"response","id":"0001","status":"error","error":{"code":"CONFLICT"}})",
        R"({"type":"response","id":"x","status":"ok"})", "no JSON", ""})
    EXPECT_FALSE(rcp.read(answer(payload)).ok()) << payload;
  EXPECT_FALSE(rcp.read("HTTP/1.1 400 Bad Request\r\n").ok());
}

TEST(Digits, AreWrittenAndReadWithLeadingZeros) {
  char text[] = "........";
  put_digits(text, 8, 42);
  EXPECT_EQ(std::string_view(text), "00000042");
  put_digits(text + 4, 4, 1'234'567);
  EXPECT_EQ(std::string_view(text), "00004567");
  uint32_t number = 0;
  EXPECT_TRUE(read_digits(text, 8, number));
  EXPECT_EQ(number, 4567u);
  EXPECT_FALSE(read_digits("12a4", 4, number));
}

}  // namespace
}  // namespace rstmdb::bench
