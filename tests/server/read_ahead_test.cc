#include "server/read_ahead.h"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

#include "base/limits.h"

namespace rstmdb::server {
namespace {

constexpr auto kRcpx = wire::Dialect::kRcpx;

std::string framed(std::string_view payload, wire::Dialect dialect = kRcpx) {
  std::string out;
  const size_t start = wire::begin_frame(out, dialect);
  out.append(payload);
  wire::end_frame(out, dialect, start);
  return out;
}

std::string request(std::string_view id, std::string_view operation,
                    std::string_view params = R"({"instance_id":"i"})") {
  std::string payload = R"({"type":"request","id":")";
  payload.append(id).append(R"(","op":")").append(operation);
  payload.append(R"(","params":)").append(params);
  return framed(payload + "}");
}

std::string many(size_t count) {
  std::string input;
  for (size_t i = 0; i < count; ++i) input += request(std::to_string(i), "GET_INSTANCE");
  return input;
}

class ReadAheadTest : public ::testing::Test {
 protected:
  void read(std::string_view input, ReadAhead::Depth depth = ReadAhead::Depth::kMany) {
    ahead_.read(frames_, input, depth);
  }
  std::string ids() {
    std::string ids;
    for (const ReadAhead::Entry& entry : ahead_.entries()) {
      ids += entry.request->ok() ? std::string((*entry.request)->id) : "?";
      ids += ' ';
    }
    return ids;
  }

  wire::FrameReader frames_{kRcpx, limits::kFramePayloadBytesMax};
  ReadAhead ahead_;
};

TEST_F(ReadAheadTest, reads_what_is_there_in_order_and_only_whole_frames) {
  const std::string input = many(3);
  for (size_t size = 0; size <= input.size(); ++size) {
    read(std::string_view(input).substr(0, size));
    size_t whole = 0;
    for (const ReadAhead::Entry& entry : ahead_.entries()) whole += entry.frame.size;
    EXPECT_LE(whole, size);
    EXPECT_EQ(ahead_.entries().size(), size / (input.size() / 3));
    EXPECT_FALSE(ahead_.broken());
  }
  EXPECT_EQ(ids(), "0 1 2 ");
}

TEST_F(ReadAheadTest, reads_no_more_than_it_has_room_for_or_was_asked_for) {
  const std::string input = many(ReadAhead::kRequestsMax + 1);
  read(input);
  EXPECT_EQ(ahead_.entries().size(), ReadAhead::kRequestsMax);
  read(input, ReadAhead::Depth::kOne);
  EXPECT_EQ(ids(), "0 ");
}

TEST_F(ReadAheadTest, stops_behind_what_may_change_how_the_rest_is_read) {
  for (const char* operation : {"HELLO", "AUTH", "BYE", "NO_SUCH_OPERATION"}) {
    read(request("1", "APPLY_EVENT") + request("2", operation) + request("3", "APPLY_EVENT"));
    EXPECT_EQ(ids(), "1 2 ") << operation;
  }
  read(request("1", "APPLY_EVENT") + framed("{\"type\":") + request("3", "APPLY_EVENT"));
  EXPECT_EQ(ids(), "1 ? ");
  EXPECT_EQ(ahead_.entries()[1].request->error().detail("reason"), "incomplete");
}

TEST_F(ReadAheadTest, keeps_the_id_of_what_is_no_request_for_its_answer) {
  read(framed(R"({"type":"request","id":"7","op":7})"));
  ASSERT_EQ(ahead_.entries().size(), 1u);
  EXPECT_EQ(ahead_.entries()[0].id, "7");
  EXPECT_EQ(ahead_.entries()[0].request->error().detail("path"), "op");
  read(framed("["));
  EXPECT_EQ(ahead_.entries()[0].id, "") << "nothing is left of what was read before";
}

TEST_F(ReadAheadTest, a_broken_stream_ends_behind_the_requests_before_it) {
  std::string input = many(3);
  input[input.size() - 1] ^= 1;  // the third's crc is wrong
  read(input);
  EXPECT_EQ(ids(), "0 1 ");
  ASSERT_TRUE(ahead_.broken());
  EXPECT_EQ(ahead_.broken()->detail("field"), "crc32c");
  read(many(1));
  EXPECT_FALSE(ahead_.broken());
}

TEST_F(ReadAheadTest, whoever_reads_while_another_does_gets_memory_of_its_own) {
  ReadAheads aheads;
  ReadAheads::Lease outer(aheads, aheads.take());
  const std::string input = many(2);
  outer->read(frames_, input, ReadAhead::Depth::kMany);
  {
    ReadAheads::Lease inner(aheads, aheads.take());
    inner->read(frames_, request("x", "PING"), ReadAhead::Depth::kMany);
    EXPECT_EQ((*inner->entries()[0].request)->id, "x");
  }
  EXPECT_EQ((*outer->entries()[0].request)->id, "0");
  EXPECT_EQ((*outer->entries()[1].request)->id, "1");
}

TEST_F(ReadAheadTest, names_the_instances_for_which_there_is_room) {
  const std::string input = request("1", "GET_INSTANCE", "{}") +
                            request("2", "GET_INSTANCE", R"({"instance_id":"a"})") +
                            request("3", "GET_INSTANCE", R"({"instance_id":7})") +
                            request("4", "GET_INSTANCE", R"({"instance_id":"b"})");
  read(input);
  std::array<std::string_view, 3> named;
  ASSERT_EQ(ahead_.name_instances(named), 2);
  EXPECT_EQ(named[0], "a");
  EXPECT_EQ(named[1], "b");
  EXPECT_EQ(ahead_.name_instances(std::span(named).first(1)), 1);
  EXPECT_EQ(ahead_.name_instances({}), 0);
  read(request("5", "GET_INSTANCE", R"({"instance_id":"c"})"));
  ASSERT_EQ(ahead_.name_instances(named), 1);
  EXPECT_EQ(named[0], "c");
}

}  // namespace
}  // namespace rstmdb::server
