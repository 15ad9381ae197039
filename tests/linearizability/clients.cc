#include "linearizability/clients.h"

#include <algorithm>
#include <chrono>
#include <iterator>

#include "linearizability/contract.h"
#include "linearizability/history_page.h"
#include "linearizability/requests.h"

namespace rstmdb::lin {
namespace {

constexpr wire::Dialect kDialects[] = {wire::Dialect::kRcpx, wire::Dialect::kRcp1,
                                       wire::Dialect::kJsonl};
constexpr uint32_t kHttpEvery = 4;
constexpr std::string_view kCompact = "COMPACT";
constexpr int kBuryMs = 10'000;

/// One in four asks over HTTP.
uint8_t dialect_of(uint32_t client) {
  if (client % kHttpEvery == kHttpEvery - 1) return kHttp;
  return static_cast<uint8_t>(kDialects[client % std::size(kDialects)]);
}

bool reads(const Operation& operation) {
  return operation.ask != Ask::kActs || operation.acts.front().verb == Verb::kRead;
}

}  // namespace

int64_t now() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
}

Result<void> Clients::connect(const Ports& ports, size_t window) {
  clients_.clear();
  window_ = window;
  for (uint32_t number = 0; number < count_; ++number) {
    const uint8_t dialect = dialect_of(number);
    RSTMDB_ASSIGN(std::unique_ptr<Line> line, open_line(dialect, ports));
    clients_.push_back({number, dialect, std::move(line)});
  }
  return {};
}

void Clients::send(Mood mood) {
  for (Client& client : clients_) {
    // Refilled by halves, so that requests arrive one by one and together.
    const bool refill = mood == Mood::kAsking && client.under_way.size() <= window_ / 2;
    while (refill && client.under_way.size() < window_) ask(client);
    client.line->send();
  }
}

void Clients::ask(Client& client) {
  if (compactor_ == client.number) {
    compactor_.reset();
    compaction_ = ++last_id_;
    client.line->queue(compaction_, kCompact, R"({"force_snapshot":true})");
  }
  Operation operation = plan_.next(client.number);
  operation.client = client.number;
  operation.dialect = client.dialect;
  const Request request = request_of(operation);
  operation.invoked = now();
  client.line->queue(++last_id_, request.op, request.params);
  client.under_way.emplace(last_id_, std::move(operation));
}

void Clients::add_to(std::vector<pollfd>& waiting) const {
  for (const Client& client : clients_) {
    const int events = POLLIN | (client.line->has_unsent() ? POLLOUT : 0);
    waiting.push_back({client.line->descriptor(), static_cast<short>(events), 0});
  }
}

Result<void> Clients::receive() {
  for (Client& client : clients_) {
    RSTMDB_ASSIGN(const auto link, receive(client));
    if (link == Line::Link::kEnded) {
      return Error(Code::kInternalError, "the server closed a client's connection under load");
    }
  }
  return {};
}

Result<Line::Link> Clients::receive(Client& client) {
  return client.line->receive(
      [&](uint64_t id, json::Value response) { take(client, id, response); }, {});
}

void Clients::take(Client& client, uint64_t id, json::Value response) {
  if (id == compaction_) {
    compaction_ = 0;
    if (!is_explained_compaction(response)) note_surprise(client, std::string(kCompact), response);
    return;
  }
  const auto found = client.under_way.find(id);
  if (found == client.under_way.end())
    return note_surprise(client, "nothing by number " + std::to_string(id), response);
  Operation operation = std::move(found->second);
  client.under_way.erase(found);
  if (!is_explained(operation, response)) {
    const Request asked = request_of(operation);
    note_surprise(client, std::string(asked.op) + " " + asked.params, response);
    if (reads(operation)) return;  // nobody has seen anything by it
  }
  take_answer(response, operation);
  if (turn_page(client, operation, response)) return;
  operation.ended = now();
  plan_.ended(operation);
  history_.operations.push_back(std::move(operation));
}

void Clients::note_surprise(const Client& client, std::string asked, json::Value response) {
  history_.surprises.push_back(
      {client.number, now(), std::move(asked), std::string(response.text())});
}

/// Asks for the page behind this one, when there is one.
bool Clients::turn_page(Client& client, Operation& operation, json::Value response) {
  std::string cursor;
  if (operation.ask == Ask::kPages) cursor = next_cursor(response);
  if (cursor.empty() && !(operation.ask == Ask::kHistory && turn_history_page(operation)))
    return false;
  const Request request = request_of(operation, cursor);
  operation.answered = false;
  client.line->queue(++last_id_, request.op, request.params);
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
      if (link == Line::Link::kEnded) break;
      if (!wait_for(*client.line, kBuryMs)) {
        return Error(Code::kInternalError, "a dead server's connection stays open");
      }
    }
    for (auto& [id, operation] : client.under_way) {
      // Nobody has seen anything of a read without an answer.
      if (reads(operation)) continue;
      operation.ended = dead;
      plan_.ended(operation);
      history_.operations.push_back(std::move(operation));
    }
  }
  clients_.clear();
  compactor_.reset();
  compaction_ = 0;
  return {};
}

}  // namespace rstmdb::lin
