#include "crash/load.h"

#include <poll.h>

#include <ctime>

namespace rstmdb::crash {
namespace {

constexpr size_t kInFlightMax = 64;
constexpr int kDrainMs = 10'000;
constexpr uint64_t kLateUs = 30'000;
constexpr std::chrono::microseconds kPauseMax{30'000};
constexpr std::chrono::microseconds kTurnMax{5'000};
constexpr std::chrono::seconds kCompactionMax{20};  // for which a kill waits

}  // namespace

Load::Load(const Options& options) : options_(options), dice_(options.seed) {}

Result<void> Load::run(std::chrono::microseconds time) {
  clients_.clear();
  pace_ = dice_.percent(25) ? Pace::kFlood : Pace::kBursts;
  options_.workload.begin_session();
  RSTMDB_TRY(connect());
  choose_moment(time);
  const auto deadline = Clock::now() + time;
  while (Clock::now() < deadline) RSTMDB_TRY(turn(deadline));
  while (awaits_compaction() && Clock::now() < deadline + kCompactionMax)
    RSTMDB_TRY(turn(Clock::time_point::max()));
  RSTMDB_TRY(options_.server.kill());
  return drain();
}

/// Never twice in a session: the log behind the snapshot of an earlier one is kept, and with it all
/// that the checker has not read yet.
void Load::choose_moment(std::chrono::microseconds time) {
  compact_at_ = Clock::time_point::max();
  compact_id_ = 0;
  kill_waits_ = false;
  if (!dice_.percent(options_.compact_percent)) return;
  const auto all = static_cast<uint64_t>(time.count());
  // Half of them so late that the kill comes in the middle, half so early that it may come behind;
  // of these half hold it up until it does, however slow the machine is.
  const uint64_t late = all > kLateUs ? all - kLateUs : 0;
  const bool early = dice_.percent(50);
  const uint64_t moment = early ? dice_.below(all / 4 + 1) : dice_.between(late, all);
  kill_waits_ = early && dice_.percent(50);
  compact_at_ = Clock::now() + std::chrono::microseconds(moment);
}

void Load::ask_for_compaction(Client& client) {
  if (Clock::now() < compact_at_) return;
  compact_at_ = Clock::time_point::max();
  compact_id_ = ++last_id_;
  client.connection.queue(compact_id_, "COMPACT", R"({"force_snapshot":true})");
  client.in_flight.emplace(compact_id_, Pending{});
  ++compactions_.asked;
}

bool Load::awaits_compaction() const {
  return kill_waits_ && (compact_id_ != 0 || compact_at_ != Clock::time_point::max());
}

void Load::take_compaction(json::Value response) {
  compact_id_ = 0;
  const json::Value result = response["result"];
  options_.checker.verdict().check(Rule::kServerComesBack, static_cast<bool>(result), [&] {
    return "COMPACT was answered with " + std::string(response.text());
  });
  ++compactions_.answered;
  compactions_.segments_deleted += number_of(result, "segments_deleted", 0);
}

/// One more than send writes: COMPACT has a connection of its own.
Result<void> Load::connect() {
  for (uint32_t number = 0; number <= options_.connections; ++number) {
    RSTMDB_ASSIGN(Connection connection, Connection::open(options_.server.port()));
    clients_.push_back({number, std::move(connection)});
  }
  return {};
}

void Load::fill(Client& client) {
  if (client.number == options_.connections) return ask_for_compaction(client);
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
  if (id == compact_id_) {
    take_compaction(response);
  } else if (!pending->second.request) {
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
