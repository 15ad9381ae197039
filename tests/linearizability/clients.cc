#include "linearizability/clients.h"

#include <algorithm>
#include <chrono>

#include "linearizability/requests.h"

namespace rstmdb::lin {
namespace {

constexpr wire::Dialect kDialects[] = {wire::Dialect::kRcpx, wire::Dialect::kRcp1,
                                       wire::Dialect::kJsonl};
constexpr int kBuryMs = 10'000;

}  // namespace

int64_t now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

Result<void> Clients::connect(uint16_t port, size_t window) {
  clients_.clear();
  window_ = window;
  for (uint32_t number = 0; number < count_; ++number) {
    const wire::Dialect dialect = kDialects[number % std::size(kDialects)];
    RSTMDB_ASSIGN(crash::Connection connection, crash::Connection::open(port, dialect));
    clients_.push_back({number, static_cast<uint8_t>(dialect), std::move(connection)});
  }
  return {};
}

void Clients::send(Mood mood) {
  for (Client& client : clients_) {
    // Refilled by halves, so that requests arrive one by one and together.
    const bool refill = mood == Mood::kAsking && client.under_way.size() <= window_ / 2;
    while (refill && client.under_way.size() < window_) ask(client);
    client.connection.send();
  }
}

void Clients::ask(Client& client) {
  if (compact_) {
    compact_ = false;
    compaction_ = ++last_id_;
    client.connection.queue(compaction_, "COMPACT", R"({"force_snapshot":true})");
  }
  Operation operation = plan_.next(client.number);
  operation.client = client.number;
  operation.dialect = client.dialect;
  const Request request = request_of(operation);
  operation.invoked = now();
  client.connection.queue(++last_id_, request.op, request.params);
  client.under_way.emplace(last_id_, std::move(operation));
}

void Clients::add_to(std::vector<pollfd>& waiting) const {
  for (const Client& client : clients_) {
    const int events = POLLIN | (client.connection.has_unsent() ? POLLOUT : 0);
    waiting.push_back({client.connection.descriptor(), static_cast<short>(events), 0});
  }
}

Result<void> Clients::receive() {
  for (Client& client : clients_) {
    RSTMDB_ASSIGN(const auto link, receive(client));
    if (link == crash::Connection::Link::kEnded) {
      return Error(Code::kInternalError, "the server closed a client's connection under load");
    }
  }
  return {};
}

Result<crash::Connection::Link> Clients::receive(Client& client) {
  return client.connection.receive(
      [&](uint64_t id, json::Value response) { take(client, id, response); });
}

void Clients::take(Client& client, uint64_t id, json::Value response) {
  if (id == compaction_) return;
  const auto found = client.under_way.find(id);
  if (found == client.under_way.end()) {
    // An answer to nothing: no operation has it, and so no place in the log.
    history_.operations.push_back({.answered = true, .acts = {{.answer = {Refusal::kStrange}}}});
    return;
  }
  Operation operation = std::move(found->second);
  client.under_way.erase(found);
  take_answer(response, operation);
  if (operation.ask == Ask::kPages && turn_page(client, operation, response)) return;
  operation.ended = now();
  plan_.ended(operation);
  history_.operations.push_back(std::move(operation));
}

/// Asks for the page behind this one, when there is one.
bool Clients::turn_page(Client& client, Operation& operation, json::Value response) {
  const std::string cursor = next_cursor(response);
  if (cursor.empty()) return false;
  const Request request = request_of(operation, cursor);
  operation.answered = false;
  client.connection.queue(++last_id_, request.op, request.params);
  client.under_way.emplace(last_id_, std::move(operation));
  return true;
}

bool Clients::all_answered() const {
  return std::ranges::all_of(clients_,
                             [](const Client& client) { return client.under_way.empty(); });
}

Result<void> Clients::bury() {
  const int64_t dead = now();
  for (Client& client : clients_) {
    while (true) {
      RSTMDB_ASSIGN(const auto link, receive(client));
      if (link == crash::Connection::Link::kEnded) break;
      if (!crash::wait_for(client.connection, kBuryMs)) {
        return Error(Code::kInternalError, "a dead server's connection stays open");
      }
    }
    for (auto& [id, operation] : client.under_way) {
      // Nobody has seen anything of a read without an answer.
      if (operation.ask != Ask::kActs || operation.acts.front().verb == Verb::kRead) continue;
      operation.ended = dead;
      plan_.ended(operation);
      history_.operations.push_back(std::move(operation));
    }
  }
  clients_.clear();
  return {};
}

}  // namespace rstmdb::lin
