// protocol/vectors through the client: frames from a scripted server, definitions, guards and
// dialogs with the real one.
#include <fstream>
#include <iterator>

#include "client_fixture.h"
#include "process.h"

namespace rstmdb::client {
namespace {

std::vector<Json> vectors(const std::string& file, const char* rows) {
  const std::string path = RSTMDB_SOURCE_DIR "/protocol/vectors/" + file;
  std::ifstream stream(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const auto parsed = Json::parse(text);
  EXPECT_RESULT(parsed) << path;
  return parsed.ok() ? (*parsed)[rows].elements() : std::vector<Json>();
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string bytes_of(const Json& given) {
  if (given.is_string()) return from_hex(given.string());
  std::string bytes;
  for (const Json& part : given.elements()) {
    const std::string piece = from_hex(part["hex"].string());
    const auto times = part["times"] ? part["times"].as_int64().value() : 1;
    for (int64_t i = 0; i < times; ++i) bytes += piece;
  }
  return bytes;
}

/// What the client makes of `bytes` from the server in place of an answer to its PING.
struct Reception {
  std::vector<std::string> payloads;
  std::string lost_because;
};

enum class Pieces : uint8_t { kWhole, kSingleBytes };
/// Whether the server ends the connection behind the bytes, or leaves that to the client.
enum class Afterwards : uint8_t { kCut, kWait };

Reception receive(const std::string& bytes, Wire wire, Pieces pieces, Afterwards afterwards) {
  FakeServer server;
  server.on("PING", [&](Peer& peer, const Received& received) {
    if (received.connection > 1) return peer.answer(received.id, R"({"pong":true})");
    if (pieces == Pieces::kWhole) peer.send_bytes(bytes);
    for (size_t i = 0; pieces == Pieces::kSingleBytes && i < bytes.size(); ++i) {
      peer.send_bytes(bytes.substr(i, 1));
    }
    if (afterwards == Afterwards::kCut) peer.cut();
  });
  Reception reception;
  std::mutex mutex;
  Options options = options_for(server);
  options.wire = wire;
  options.trace = [&](TraceEvent event, std::string_view text) {
    const std::lock_guard lock(mutex);
    if (!reception.lost_because.empty() || text.find(R"("id":"hello")") != std::string::npos) {
      return;
    }
    // A carriage return before the line's end is white space, which the parser passes over.
    if (wire == Wire::kJsonl && text.ends_with('\r')) text.remove_suffix(1);
    if (event == TraceEvent::kReceived) reception.payloads.emplace_back(text);
    if (event == TraceEvent::kLost) reception.lost_because = text;
  };
  Client client = Client::connect(options).value();
  // A read, so it is repeated on the next connection: it can only fail when that is never made.
  EXPECT_RESULT(client.ping());
  client.close();
  const std::lock_guard lock(mutex);
  return reception;
}

TEST(FrameVectors, FromAServer) {
  size_t rows = 0;
  for (const Json& row : vectors("frames.json", "frames")) {
    if (row["payload_bytes_max"]) continue;  // for readers whose limit can be chosen
    const std::string name(row["name"].string());
    SCOPED_TRACE(name);
    const Wire wire = name.starts_with("jsonl:") ? Wire::kJsonl : Wire::kBinary;
    const std::string bytes = bytes_of(row["bytes"]);
    // The client reads the dialect that it writes and has none to recognise.
    const bool own = name.starts_with("rcpx:") || name.starts_with("jsonl:");
    const bool foreign = !own && !bytes.empty();
    const bool refused = row["error"].present() || foreign;
    const Json first = row["payloads"].element(0);
    const bool message = !foreign && first && !first.string().empty();
    for (const Pieces pieces : {Pieces::kWhole, Pieces::kSingleBytes}) {
      if (pieces == Pieces::kSingleBytes && bytes.size() > 256) continue;
      // The payloads are requests, which no server sends: the client leaves at the first.
      const auto seen =
          receive(bytes, wire, pieces, refused || message ? Afterwards::kWait : Afterwards::kCut);
      EXPECT_EQ(seen.payloads,
                message ? std::vector{std::string(first.string())} : std::vector<std::string>());
      EXPECT_TRUE(seen.lost_because.starts_with(refused || message ? "protocol:" : "connection:"))
          << seen.lost_because;
    }
    ++rows;
  }
  EXPECT_GT(rows, 90u);
}

TEST(DefinitionVectors, ThroughTheRealServer) {
  const fake::RealServer server;
  Client client = Client::connect({.port = server.port()}).value();
  size_t rows = 0;
  for (const Json& row : vectors("definitions.json", "definitions")) {
    SCOPED_TRACE(row["name"].string());
    const std::string machine = "m" + std::to_string(++rows);
    const std::string definition(row["definition"].string());
    const auto put = client.put_machine({.machine = machine, .definition = definition});
    if (const Json error = row["error"]) {
      ASSERT_FALSE(put.ok());
      if (put.error().kind() == ErrorKind::kArgument) continue;  // not even JSON
      EXPECT_EQ(put.error().code_text(), error["code"].string());
      for (const auto& [key, value] : error["details"].members()) {
        const std::string_view wanted = value.is_string() ? value.string() : value.text();
        // The definition as a whole has no path of its own, but is a parameter of the request.
        EXPECT_EQ(put.error().detail(key), key == "path" && wanted.empty() ? "definition" : wanted);
      }
      continue;
    }
    ASSERT_RESULT(put);
    EXPECT_EQ(put->stored_checksum, row["sha256"].string());
    const auto got = client.get_machine(machine);
    ASSERT_RESULT(got);
    EXPECT_EQ(got->definition, row["canonical"].string());
    EXPECT_EQ(got->checksum, row["sha256"].string());
    const auto again = client.put_machine(
        {.machine = machine, .definition = got->definition, .checksum = got->checksum});
    ASSERT_RESULT(again);
    EXPECT_FALSE(again->created);
  }
  EXPECT_GT(rows, 80u);
}

TEST(GuardVectors, ThroughTheRealServer) {
  const fake::RealServer server;
  Client client = Client::connect({.port = server.port()}).value();
  size_t rows = 0;
  for (const Json& row : vectors("guards.json", "guards")) {
    SCOPED_TRACE(row["name"].string());
    const std::string machine = "m" + std::to_string(++rows);
    const std::string definition =
        R"({"states":["a","b"],"initial":"a","transitions":[{"from":"a","event":"GO","to":"b",)"
        R"("guard":)" +
        json_quote(row["guard"].string()) + "}]}";
    const auto put = client.put_machine({.machine = machine, .definition = definition});
    if (const Json error = row["error"]) {
      ASSERT_FALSE(put.ok());
      EXPECT_EQ(put.error().code(), ErrorCode::kBadRequest);
      EXPECT_EQ(put.error().detail("path"), "transitions[0].guard");
      EXPECT_EQ(put.error().detail("column"), error["column"].text());
      continue;
    }
    ASSERT_RESULT(put);
    ASSERT_RESULT(client.create_instance({.machine = machine,
                                          .instance_id = machine,
                                          .initial_ctx = std::string(row["context"].text())}));
    const auto done = client.apply_event({.instance_id = machine, .event = "GO"});
    if (row["result"].as_bool().value()) {
      ASSERT_RESULT(done);
      EXPECT_EQ(done->to_state, "b");
    } else {
      ASSERT_FALSE(done.ok());
      EXPECT_EQ(done.error().code(), ErrorCode::kGuardFailed);
      EXPECT_EQ(done.error().detail("guard"), row["guard"].string());
    }
  }
  EXPECT_GT(rows, 250u);
}

/// The dialogs, each held through this client and compared with what the wire says.
class Dialogs : public testing::TestWithParam<int> {};

TEST_P(Dialogs, ThroughTheRealServer) {
  const std::string server = fake::built_program("rstmdb");
  const std::string adapter = fake::built_program("rstmdb_conformance_adapter");
  const auto done = fake::run_process(
      {"/usr/bin/env", "python3", RSTMDB_SOURCE_DIR "/tests/conformance/run.py", "--client", "cpp",
       "--transport", "plain", "--server", server, "--programs",
       adapter.substr(0, adapter.rfind('/')), "--part", std::to_string(GetParam())});
  EXPECT_EQ(done.exit_code, 0) << done.out << done.err;
  EXPECT_TRUE(done.out.ends_with(" passed, 0 failed\n")) << done.out << done.err;
}
INSTANTIATE_TEST_SUITE_P(Parts, Dialogs, testing::Range(1, 9));

}  // namespace
}  // namespace rstmdb::client
