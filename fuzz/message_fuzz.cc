// A conversation of any bytes with a whole server in one process: frames, requests, operations,
// engine, log, release gate and answers; only sockets and the disk are missing. It is held twice,
// each time with a new database: once frame by frame with a commit after each, once in pieces cut
// anywhere with commits in between now and then.
//
// What must hold: every sound frame gets exactly one answer, and a stream that cannot be trusted
// exactly one before its end, and so has one that asks too much without a token; each answer is a
// sound frame with a valid response that has the request's id; both conversations end with the same
// answers and the same state; and the log, folded into an empty state, gives that state again. A
// log that fails answers what waits for it.
//
// Input: one byte of choices (1: tokens are required, 2: the log fails at the end), one that seeds
// the cuts, then the client's stream.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/context.h"
#include "api/operation.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/logging.h"
#include "engine/state.h"
#include "io/clock.h"
#include "io/net.h"
#include "io/random.h"
#include "io/simulated_loop.h"
#include "json/document.h"
#include "log/memory_log.h"
#include "node/node.h"
#include "node/recovery.h"
#include "server/session.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace rstmdb {
namespace {

constexpr size_t kStreamBytesMax = 32 * 1024;  // below every limit on frames that may be sent
constexpr std::string_view kToken = "t";

/// Goes on a little with each write, so that idempotency keys run out within a conversation.
struct StepClock final : io::Clock {
  int64_t wall_ms() override { return wall += 7; }
  int64_t steady_ns() override { return 0; }
  int64_t wall = 1'800'000'000'000;
};

struct CountingRandom final : io::Random {
  void fill(std::span<char> bytes) override {
    for (char& byte : bytes) byte = static_cast<char>(++count * 37);
  }
  unsigned count = 0;
};

/// The server's end of a connection: keeps what is sent.
class Wire final : public io::Stream {
 public:
  explicit Wire(std::string& sent) : sent_(sent) {}
  void start(io::StreamEvents& events) override { events_ = &events; }
  void resume_reading() override {}
  size_t write(std::string_view bytes) override {
    sent_ += bytes;
    return bytes.size();
  }
  void close(Close) override {}
  const std::string& peer() const override { return peer_; }
  io::StreamEvents& events() { return *events_; }

 private:
  std::string& sent_;
  io::StreamEvents* events_ = nullptr;
  std::string peer_ = "fuzz";
};

/// A database with one connection.
class Server final : private server::SessionOwner {
 public:
  enum class Tokens { kNone, kRequired };

  explicit Server(Tokens tokens) {
    facts_.flush_all_allowed = true;
    facts_.auth_required = tokens == Tokens::kRequired;
    if (facts_.auth_required)
      facts_.credentials.add_token(sha256(kToken), {"fuzz", api::Access::kAdmin, 0});
    node_ = node::Node::open({.log = log_,
                              .loop = loop_,
                              .clock = clock_,
                              .random = random_,
                              .bounds = {.machine_versions_max = 3,
                                         .key_ttl_ms = 100,
                                         .keys_max = 4,
                                         .keys_bytes_max = 4'096}})
                .value();
    auto wire = std::make_unique<Wire>(sent_);
    wire_ = wire.get();
    session_ = std::make_unique<server::Session>(
        server::Session::Options{.node = *node_,
                                 .facts = facts_,
                                 .guesses = guesses_,
                                 .owner = *this,
                                 .aheads = aheads_,
                                 .stretches = stretches_,
                                 .stats = stats_,
                                 .stream = std::move(wire),
                                 .welcome = server::Session::Welcome::kServe,
                                 .idle_timeout_ms = 1'000});
    session_->start();
  }

  /// Hands over all of `bytes`, unless the session ends before.
  void feed(std::string_view bytes) {
    while (!bytes.empty() && !over_) {
      std::span<char> room = wire_->events().read_buffer();
      if (room.empty()) {
        commit();  // the session waits for the log, or says good-bye
        if (!over_) room = wire_->events().read_buffer();
        if (over_) return;
        RSTMDB_CHECK(!room.empty(), "reads nothing, though everything is committed");
      }
      const size_t size = std::min(room.size(), bytes.size());
      std::memcpy(room.data(), bytes.data(), size);
      bytes.remove_prefix(size);
      wire_->events().on_read(size);
      session_->offer_stretches();
      session_->handle_arrived();
      stretches_.end_turn();
    }
  }

  /// Ends turns until nothing is left that goes on in the next one.
  void commit() {
    do {
      node_->end_turn();
    } while (node_->histories().count() > 0);
  }
  void fail_log() {
    log_.fail(Error(Code::kWalIoError, "the disk is gone").with("errno", 5));
    commit();
  }

  bool over() const { return over_; }
  /// The longest payload that a client may announce now.
  size_t payload_bytes_max() const {
    return authenticated() ? facts_.frame_bytes_max : limits::kFramePayloadBytesBeforeAuthMax;
  }
  bool authenticated() const { return authenticated_ || !facts_.auth_required; }
  void note_authenticated() { authenticated_ = true; }
  std::string& sent() { return sent_; }
  const engine::State& state() const { return node_->state(); }

  /// Folds the log into an empty state.
  void check_replay() {
    engine::State again({.hash_seed = 99});
    engine::ChainHash chain;
    const auto replayed = node::replay(log_, again, chain, {.clock = clock_});
    RSTMDB_CHECK(replayed.ok(), replayed.error().to_string());
    RSTMDB_CHECK(again.last_offset() == state().last_offset(), "other records");
    RSTMDB_CHECK(again.hash() == state().hash(), "replay gives another state");
    RSTMDB_CHECK(again.hash() == again.hash_by_walk(), "the walk over the replay differs");
    RSTMDB_CHECK(state().hash() == state().hash_by_walk(), "the walk over the state differs");
  }

 private:
  void on_arrived(server::Session&) override {}  // feed() knows
  void on_ended(server::Session&) override { over_ = true; }
  std::string& spare_output() override { return spare_; }

  io::SimulatedLoop loop_;  // only to be posted to; turns end where the conversation says so
  StepClock clock_;
  CountingRandom random_;
  log::MemoryLog log_;
  api::ServerFacts facts_;
  api::GuessLimits guesses_;
  server::Stats stats_;
  server::ReadAheads aheads_;
  server::StretchReader stretches_{io::Ahead::kInline};
  std::string spare_;
  std::unique_ptr<node::Node> node_;
  std::string sent_;
  Wire* wire_ = nullptr;
  std::unique_ptr<server::Session> session_;
  bool over_ = false;
  bool authenticated_ = false;
};

/// What one answer says, as far as both conversations must agree on it.
struct Outcome {
  std::string id;
  std::string verdict;  // "ok" or the code
  auto operator<=>(const Outcome&) const = default;
};

/// Reads the server's answers, following its change of dialect.
class Answers {
 public:
  explicit Answers(wire::Dialect dialect) : frames_(dialect, size_t{64} << 20) {}

  /// Takes every answer off the front of `sent`; nothing may be left.
  std::vector<Outcome> take(std::string& sent) {
    std::vector<Outcome> outcomes;
    std::string_view rest = sent;
    while (!rest.empty()) {
      const auto frame = frames_.next(rest);
      RSTMDB_CHECK(frame.ok() && *frame, rest);
      if (!is_notification((*frame)->payload)) outcomes.push_back(read((*frame)->payload));
      rest.remove_prefix((*frame)->size);
    }
    sent.clear();
    return outcomes;
  }
  wire::Dialect dialect() const { return *frames_.dialect(); }

 private:
  /// What a watch brings is no answer; how much of it comes by when depends on the commits.
  bool is_notification(std::string_view payload) {
    const auto parsed = document_.parse(payload, {.depth = limits::kJsonAnswerDepthMax});
    RSTMDB_CHECK(parsed.ok(), payload);
    const json::Value event = document_.root();
    if (event["type"].text() != R"("event")") return false;
    RSTMDB_CHECK(event["subscription_id"].is_string() && event["wal_offset"].is_number(), payload);
    return true;
  }

  Outcome read(std::string_view payload) {
    const auto parsed = document_.parse(payload, {.depth = limits::kJsonAnswerDepthMax});
    RSTMDB_CHECK(parsed.ok(), payload);
    const json::Value answer = document_.root();
    RSTMDB_CHECK(answer.is_object() && answer["type"].text() == R"("response")", payload);
    RSTMDB_CHECK(answer["id"].is_string() && answer["status"].is_string(), payload);
    if (answer["status"].string() == "ok") {
      const json::Value result = answer["result"];
      RSTMDB_CHECK(result.is_object() && !answer["error"], payload);
      const json::Value mode = result["wire_mode"];
      if (mode && mode.string() == "jsonl") frames_.switch_to(wire::Dialect::kJsonl);
      return {std::string(answer["id"].string()), "ok"};
    }
    RSTMDB_CHECK(answer["status"].string() == "error" && !answer["result"], payload);
    return {std::string(answer["id"].string()), read_error(answer["error"], payload)};
  }

  static std::string read_error(json::Value error, std::string_view payload) {
    RSTMDB_CHECK(error.is_object() && error["code"].is_string(), payload);
    RSTMDB_CHECK(error["message"].is_string() && !error["message"].string().empty(), payload);
    RSTMDB_CHECK(error["retryable"].is_bool(), payload);
    const json::Value details = error["details"];
    RSTMDB_CHECK(!details || (details.is_object() && details.size() > 0), payload);
    for (size_t i = 0; i < kCodeCount; ++i) {
      const auto code = static_cast<Code>(i);
      if (error["code"].string() != code_name(code)) continue;
      RSTMDB_CHECK(error["retryable"].boolean() == code_retryable(code), payload);
      return std::string(error["code"].string());
    }
    check_failed(__FILE__, __LINE__, "a code of the protocol", payload);
  }

  wire::FrameReader frames_;
  json::Document document_;
};

std::string id_of(std::string_view request) {
  json::Document document;
  if (!document.parse(request).ok()) return "";
  return std::string(wire::readable_id(document.root()));
}

bool asks_to_authenticate(std::string_view request) {
  json::Document document;
  if (!document.parse(request).ok()) return false;
  const auto read = wire::read_request(document.root());
  if (!read.ok()) return false;
  const api::OperationRow* row = api::find_operation(read->op);
  return row != nullptr && row->operation == api::Operation::kAuth;
}

struct Conversation {
  std::vector<Outcome> outcomes;
  wire::Dialect first_dialect = wire::Dialect::kRcpx;
};

/// Frame by frame: what is asked and what is answered stand side by side.
Conversation talk_in_turns(Server& server, std::string_view stream) {
  Conversation talk;
  wire::FrameReader frames(server.payload_bytes_max());
  std::unique_ptr<Answers> answers;
  int before_auth = 0;
  while (!stream.empty() && !server.over()) {
    const auto frame = frames.next(stream);
    const bool whole = frame.ok() && *frame;
    if (!answers) {
      talk.first_dialect = frames.dialect().value_or(wire::Dialect::kRcpx);
      answers = std::make_unique<Answers>(talk.first_dialect);
    }
    const size_t size = whole ? (*frame)->size : stream.size();
    const bool asks =
        whole && !((*frame)->payload.empty() && frames.dialect() == wire::Dialect::kJsonl);
    const bool one_too_many =
        asks && !server.authenticated() && ++before_auth > limits::kRequestsBeforeAuthMax;
    server.feed(stream.substr(0, size));
    server.commit();
    const std::vector<Outcome> now = answers->take(server.sent());
    RSTMDB_CHECK(now.size() == (frame.ok() && !asks ? 0 : 1), stream.substr(0, size));
    if (!frame.ok() || one_too_many) {
      const Code code = frame.ok() ? Code::kUnauthorized : frame.error().code();
      const Outcome refusal{"", std::string(code_name(code))};
      RSTMDB_CHECK(now.front() == refusal && server.over(), refusal.verdict);
    } else if (asks) {
      const std::string_view request = (*frame)->payload;
      RSTMDB_CHECK(now.front().id == id_of(request), now.front().id);
      if (now.front().verdict == "ok" && asks_to_authenticate(request)) server.note_authenticated();
    }
    talk.outcomes.insert(talk.outcomes.end(), now.begin(), now.end());
    if (answers->dialect() != talk.first_dialect) frames.switch_to(answers->dialect());
    frames.set_payload_bytes_max(server.payload_bytes_max());
    stream.remove_prefix(size);
  }
  return talk;
}

enum class End { kCommit, kFail };

/// In pieces of any size, with many requests under way.
std::vector<Outcome> talk_in_pieces(Server& server, std::string_view stream, uint32_t seed,
                                    wire::Dialect dialect, End end) {
  while (!stream.empty() && !server.over()) {
    seed = seed * 1'664'525 + 1'013'904'223;
    const size_t most = (seed >> 16) % 4 == 0 ? 7 : 700;
    const size_t size = std::min<size_t>(stream.size(), 1 + (seed >> 20) % most);
    server.feed(stream.substr(0, size));
    stream.remove_prefix(size);
    if ((seed >> 13) % 8 == 0) server.commit();
  }
  if (end == End::kFail) {
    server.fail_log();
  } else {
    server.commit();
  }
  return Answers(dialect).take(server.sent());
}

void check_same(std::vector<Outcome> turns, std::vector<Outcome> pieces, End end) {
  if (end == End::kFail) {
    // What waited for the log may say so instead.
    for (Outcome& outcome : turns) outcome.verdict.clear();
    for (Outcome& outcome : pieces) outcome.verdict.clear();
  }
  std::ranges::sort(turns);
  std::ranges::sort(pieces);
  RSTMDB_CHECK(turns.size() == pieces.size(), "another number of answers in pieces");
  RSTMDB_CHECK(turns == pieces, "other answers in pieces");
}

}  // namespace
}  // namespace rstmdb

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  rstmdb::set_logging(rstmdb::Level::kError, rstmdb::LogFormat::kJson);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb;
  if (size < 2 || size - 2 > kStreamBytesMax) return 0;
  const auto tokens = (bytes[0] & 1) != 0 ? Server::Tokens::kRequired : Server::Tokens::kNone;
  const End end = (bytes[0] & 2) != 0 ? End::kFail : End::kCommit;
  const std::string_view stream(reinterpret_cast<const char*>(bytes) + 2, size - 2);

  Server in_turns(tokens);
  const Conversation talk = talk_in_turns(in_turns, stream);
  in_turns.check_replay();
  Server in_pieces(tokens);
  const std::vector<Outcome> outcomes =
      talk_in_pieces(in_pieces, stream, bytes[1], talk.first_dialect, end);
  check_same(talk.outcomes, outcomes, end);
  if (end == End::kFail) return 0;
  RSTMDB_CHECK(in_pieces.state().hash() == in_turns.state().hash(), "another state in pieces");
  in_pieces.check_replay();
  return 0;
}
