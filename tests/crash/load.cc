#include "crash/load.h"

#include <poll.h>

#include <ctime>

namespace rstmdb::crash {
namespace {

constexpr size_t kInFlightMax = 64;
constexpr int kDrainMs = 10'000;
constexpr std::chrono::microseconds kPauseMax{30'000};
constexpr std::chrono::microseconds kTurnMax{5'000};

}  // namespace

Load::Load(const Options& options) : options_(options), dice_(options.seed) {}

Result<void> Load::run(std::chrono::microseconds time) {
  clients_.clear();
  pace_ = dice_.percent(25) ? Pace::kFlood : Pace::kBursts;
  options_.workload.begin_session();
  RSTMDB_TRY(connect());
  const auto deadline = Clock::now() + time;
  while (Clock::now() < deadline) RSTMDB_TRY(turn(deadline));
  RSTMDB_TRY(options_.server.kill());
  return drain();
}

Result<void> Load::connect() {
  for (uint32_t number = 0; number < options_.connections; ++number) {
    RSTMDB_ASSIGN(Connection connection, Connection::open(options_.server.port()));
    clients_.push_back({number, std::move(connection)});
  }
  return {};
}

void Load::fill(Client& client) {
  if (pace_ == Pace::kFlood) {
    if (client.in_flight.size() > kInFlightMax / 2) return;
    while (client.in_flight.size() < kInFlightMax) send_next(client);
    return;
  }
  if (!client.in_flight.empty() || Clock::now() < client.next_burst) return;
  const uint64_t burst = dice_.between(1, kInFlightMax);
  while (client.in_flight.size() < burst) send_next(client);
  client.next_burst = Clock::now() + std::chrono::microseconds(dice_.below(kPauseMax.count()));
}

void Load::send_next(Client& client) {
  Outgoing out = options_.workload.next(client.number);
  client.connection.queue(++last_id_, out.op, out.params);
  client.in_flight.emplace(last_id_, Pending{out.request, std::move(out.instance_id)});
}

Result<void> Load::turn(Clock::time_point deadline) {
  std::vector<pollfd> waiting;
  auto wake = std::min(deadline, Clock::now() + kTurnMax);
  for (Client& client : clients_) {
    fill(client);
    client.connection.send();
    if (client.in_flight.empty()) wake = std::min(wake, client.next_burst);
    const int events = POLLIN | (client.connection.has_unsent() ? POLLOUT : 0);
    waiting.push_back({client.connection.descriptor(), static_cast<short>(events), 0});
  }
  const auto left =
      std::chrono::duration_cast<std::chrono::nanoseconds>(wake - Clock::now()).count();
  const timespec patience{0, std::max<int64_t>(left, 0)};
  if (::ppoll(waiting.data(), waiting.size(), &patience, nullptr) <= 0) return {};
  for (Client& client : clients_) {
    if (waiting[client.number].revents == 0) continue;
    RSTMDB_ASSIGN(const Connection::Link link, receive(client));
    if (link == Connection::Link::kEnded) {
      return Error(Code::kInternalError, "the server closed a connection under load");
    }
  }
  return {};
}

Result<Connection::Link> Load::receive(Client& client) {
  return client.connection.receive(
      [&](uint64_t id, json::Value response) { take(client, id, response); });
}

void Load::take(Client& client, uint64_t id, json::Value response) {
  Checker& checker = options_.checker;
  const auto pending = client.in_flight.find(id);
  if (pending == client.in_flight.end()) {
    checker.verdict().violate(Rule::kServerComesBack,
                              "an answer to nothing: " + std::string(response.text()));
    return;
  }
  if (!pending->second.request) {
    checker.saw(read_instance(response, pending->second.instance_id));
  } else {
    const Checker::RequestId request = *pending->second.request;
    const auto answers = read_answers(response, checker.size_of(request));
    checker.answered(request, answers);
    options_.workload.answered(client.number, request, answers);
  }
  client.in_flight.erase(pending);
}

/// The server is dead: what it had sent is still in our sockets.
Result<void> Load::drain() {
  for (Client& client : clients_) {
    while (true) {
      RSTMDB_ASSIGN(const Connection::Link link, receive(client));
      if (link == Connection::Link::kEnded) break;
      if (!wait_for(client.connection, kDrainMs)) {
        return Error(Code::kInternalError, "a dead server's connection stays open");
      }
    }
  }
  return {};
}

}  // namespace rstmdb::crash
