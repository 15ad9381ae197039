#include "linearizability/arena.h"

#include <poll.h>

#include "crash/history.h"

namespace rstmdb::lin {
namespace {

constexpr int kAnswerMs = 30'000;

RaceAnswer read(json::Value response) {
  const crash::WriteAnswer answer = crash::read_write_answer(response);
  const json::Value result = response["result"];
  return {.error = answer.error,
          .offset = answer.offset,
          .applied = answer.applied.value_or(false),
          .text = std::string(result ? result.text() : response["error"].text())};
}

}  // namespace

Result<Arena> Arena::open(uint16_t port, size_t clients) {
  Arena arena;
  for (size_t i = 0; i < clients; ++i) {
    RSTMDB_ASSIGN(crash::Connection connection, crash::Connection::open(port));
    arena.connections_.push_back(std::move(connection));
  }
  return arena;
}

Result<std::vector<RaceAnswer>> Arena::release(
    const std::function<std::pair<std::string_view, std::string>(size_t client)>& request) {
  std::vector<RaceAnswer> answers(connections_.size());
  for (size_t i = 0; i < connections_.size(); ++i) {
    const auto [op, params] = request(i);
    connections_[i].queue(i, op, params);
  }
  for (crash::Connection& connection : connections_) connection.send();
  RSTMDB_TRY(collect(answers, connections_.size()));
  return answers;
}

Result<RaceAnswer> Arena::ask(std::string_view op, const std::string& params) {
  std::vector<RaceAnswer> answers(1);
  connections_.front().queue(0, op, params);
  connections_.front().send();
  RSTMDB_TRY(collect(answers, 1));
  return answers.front();
}

Result<void> Arena::collect(std::vector<RaceAnswer>& answers, size_t expected) {
  for (size_t taken = 0; taken < expected;) {
    std::vector<pollfd> waiting;
    for (crash::Connection& connection : connections_) {
      connection.send();
      const int events = POLLIN | (connection.has_unsent() ? POLLOUT : 0);
      waiting.push_back({connection.descriptor(), static_cast<short>(events), 0});
    }
    if (::poll(waiting.data(), waiting.size(), kAnswerMs) <= 0) {
      return Error(Code::kInternalError, "no answer after 30 s");
    }
    for (size_t i = 0; i < connections_.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      RSTMDB_ASSIGN(const auto link,
                    connections_[i].receive([&](uint64_t id, json::Value response) {
                      ++taken;
                      if (id < answers.size()) answers[id] = read(response);
                    }));
      if (link == crash::Connection::Link::kEnded) {
        return Error(Code::kInternalError, "the server closed a connection");
      }
    }
  }
  return {};
}

}  // namespace rstmdb::lin
