#include "linearizability/watchers.h"

#include <sys/socket.h>

#include <algorithm>

#include "crash/history.h"
#include "linearizability/clients.h"
#include "linearizability/contract.h"
#include "linearizability/names.h"
#include "linearizability/requests.h"

namespace rstmdb::lin {
namespace {

constexpr uint8_t kJsonl = static_cast<uint8_t>(wire::Dialect::kJsonl);
constexpr uint8_t kRcpx = static_cast<uint8_t>(wire::Dialect::kRcpx);
constexpr uint8_t kRcp1 = static_cast<uint8_t>(wire::Dialect::kRcp1);
constexpr uint8_t kDialects[] = {kJsonl, kRcpx, kHttp, kRcp1, kHttp, kJsonl, kHttp, kRcpx};
constexpr int64_t kMillisecond = 1'000'000;
constexpr int kSmallBufferBytes = 64 * 1024;
constexpr uint64_t kSubscriptionsMax = 3;

bool everything_told(const Filter& filter, uint64_t last, const std::vector<Logged>& records) {
  for (uint64_t offset = records.size(); offset > last; --offset) {
    if (passes(filter, records[offset - 1])) return false;
  }
  return true;
}

}  // namespace

Watchers::Watchers(History& history, Plan& plan, uint32_t count, uint64_t seed)
    : history_(history), plan_(plan), dice_(seed), watchers_(count) {
  for (uint32_t number = 0; number < count; ++number) {
    Watcher& watcher = watchers_[number];
    watcher.number = number;
    watcher.dialect = kDialects[number % std::size(kDialects)];
    const bool stream = watcher.dialect == kHttp;
    const uint64_t subscriptions = stream ? 1 : dice_.between(1, kSubscriptionsMax);
    while (watcher.subscribers.size() < subscriptions) {
      watcher.subscribers.push_back({.filter = draw_filter()});
    }
    // One of them is told everything there is.
    if (number == 0) watcher.subscribers[0].filter = {.kinds = 0b1110};
  }
}

Filter Watchers::draw_filter() {
  const auto set = [&](int places, uint64_t chance) -> uint8_t {
    if (!dice_.percent(chance)) return 0;
    return static_cast<uint8_t>(dice_.between(1, (1U << places) - 1));
  };
  Filter filter{.kinds = static_cast<uint8_t>(set(3, 50) << 1),
                .machines = set(kMachines, 40),
                .events = set(3, 25),
                .from_states = set(3, 25),
                .to_states = set(3, 25)};
  filter.context = dice_.percent(70);
  return filter;
}

Result<void> Watchers::connect(const Ports& ports) {
  ports_ = ports;
  awake_ = false;
  for (Watcher& watcher : watchers_) RSTMDB_TRY(open(watcher));
  return {};
}

Result<void> Watchers::open(Watcher& watcher) {
  RSTMDB_ASSIGN(std::unique_ptr<Line> line, open_line(watcher.dialect, ports_));
  // A third of them have no room for what they do not read.
  if (watcher.number % 3 == 0) {
    ::setsockopt(line->descriptor(), SOL_SOCKET, SO_RCVBUF, &kSmallBufferBytes,
                 sizeof kSmallBufferBytes);
  }
  watcher.line = std::move(line);
  watcher.asked.clear();
  watcher.asking.clear();
  watcher.streams.clear();
  watcher.subscribers_of.clear();
  watcher.leaves_at = now() + static_cast<int64_t>(dice_.between(5, 400)) * kMillisecond;
  for (size_t i = 0; i < watcher.subscribers.size(); ++i) {
    Subscriber& subscriber = watcher.subscribers[i];
    // Some begin anew: on one instance, or on everything without an offset.
    if (watcher.number != 0 && dice_.percent(30)) {
      subscriber = {.filter = draw_filter()};
      if (dice_.percent(60)) {
        const uint32_t instance = plan_.some_instance();
        subscriber.filter = {.kinds = subscriber.filter.kinds, .instance = instance};
      }
    }
    subscribe(watcher, i);
  }
  return {};
}

void Watchers::subscribe(Watcher& watcher, size_t subscriber) {
  const Subscriber& who = watcher.subscribers[subscriber];
  Operation operation{.ask = who.filter.instance == 0 ? Ask::kWatchAll : Ask::kWatchInstance};
  operation.client = 1'000 + watcher.number;
  operation.dialect = watcher.dialect;
  if (who.filter.instance != 0) operation.acts.push_back({.instance = who.filter.instance});
  const Request request = watch_of(who.filter, who.resume ? &*who.resume : nullptr);
  operation.invoked = now();
  watcher.line->queue(++last_id_, request.op, request.params);
  watcher.asked.emplace(last_id_, std::move(operation));
  watcher.asking.emplace(last_id_, subscriber);
}

void Watchers::take(Watcher& watcher, uint64_t id, json::Value response) {
  const auto found = watcher.asked.find(id);
  if (found == watcher.asked.end()) {
    nonsense_ = response.text();
    return;
  }
  const size_t subscriber = watcher.asking.at(id);
  Operation operation = std::move(found->second);
  watcher.asked.erase(found);
  operation.answered = true;
  operation.ended = now();
  const json::Value result = response["result"];
  Subscriber& who = watcher.subscribers[subscriber];
  const bool explained = is_explained_watch(operation.ask, who.resume, response);
  if (result && explained) {
    begin_stream(watcher, subscriber, operation, result);
    // An event stream says itself by what it wants to be resumed.
    who.resume = crash::number_of(response, "event_id", *who.last);
    history_.operations.push_back(std::move(operation));
    return;
  }
  if (!explained) {
    const Request asked = watch_of(who.filter, who.resume ? &*who.resume : nullptr);
    history_.surprises.push_back({operation.client, operation.ended,
                                  std::string(asked.op) + " " + asked.params,
                                  std::string(response.text())});
    who = {.filter = draw_filter()};
  } else if (crash::text_of(response["error"], "code") == code_name(Code::kInstanceNotFound)) {
    operation.ask = Ask::kActs;
    operation.acts.front().answer.refusal = Refusal::kNotFound;
    history_.operations.push_back(std::move(operation));
    who = {.filter = draw_filter()};
  } else {  // compacted away
    who.last.reset();
    who.resume.reset();
  }
  subscribe(watcher, subscriber);
}

void Watchers::begin_stream(Watcher& watcher, size_t subscriber, Operation& asked,
                            json::Value result) {
  Subscriber& who = watcher.subscribers[subscriber];
  const bool one = asked.ask == Ask::kWatchInstance;
  asked.position = crash::number_of(result, one ? "current_wal_offset" : "wal_offset", 0);
  const bool is_deleted = result["deleted"].text() == "true";
  if (one && !is_deleted) asked.state = state_of(crash::text_of(result, "current_state"));
  Stream stream{.filter = who.filter, .asked_offset = who.last.has_value(), .state = asked.state};
  stream.behind = who.last.value_or(asked.position);
  who.last = stream.behind;
  const std::string name = crash::text_of(result, "subscription_id");
  watcher.streams[name] = history_.streams.size();
  watcher.subscribers_of[name] = subscriber;
  history_.streams.push_back(std::move(stream));
}

void Watchers::hear(Watcher& watcher, json::Value notification) {
  const std::string name = crash::text_of(notification, "subscription_id");
  const auto stream = watcher.streams.find(name);
  auto told = read_told(notification, now());
  if (stream == watcher.streams.end() || !told.ok()) {
    nonsense_ = notification.text();
    return;
  }
  Subscriber& who = watcher.subscribers[watcher.subscribers_of.at(name)];
  who.last = who.resume = told->offset;
  history_.streams[stream->second].told.push_back(*told);
}

bool Watchers::reads(const Watcher& watcher) const {
  return watcher.line && (awake_ || watcher.stalled_until < now());
}

Result<void> Watchers::send() {
  for (Watcher& watcher : watchers_) {
    if (!awake_ && now() > watcher.leaves_at) RSTMDB_TRY(open(watcher));
    watcher.line->send();
    if (awake_ || now() < watcher.stalled_until || !dice_.percent(1)) continue;
    watcher.stalled_until = now() + static_cast<int64_t>(dice_.below(60)) * kMillisecond;
  }
  return {};
}

void Watchers::add_to(std::vector<pollfd>& waiting) const {
  for (const Watcher& watcher : watchers_) {
    if (!reads(watcher)) continue;
    const int events = POLLIN | (watcher.line->has_unsent() ? POLLOUT : 0);
    waiting.push_back({watcher.line->descriptor(), static_cast<short>(events), 0});
  }
}

Result<Line::Link> Watchers::receive(Watcher& watcher) {
  return watcher.line->receive(
      [&](uint64_t id, json::Value response) { take(watcher, id, response); },
      [&](json::Value notification) { hear(watcher, notification); });
}

Result<void> Watchers::receive() {
  for (Watcher& watcher : watchers_) {
    if (!reads(watcher)) continue;
    RSTMDB_ASSIGN(const auto link, receive(watcher));
    if (link == Line::Link::kEnded) {
      return Error(Code::kInternalError, "the server closed a watcher's connection under load");
    }
  }
  if (nonsense_.empty()) return {};
  return Error(Code::kInternalError, "a watcher was told nonsense: " + nonsense_);
}

void Watchers::wake() { awake_ = true; }

bool Watchers::told_everything(const std::vector<Logged>& records) {
  return std::ranges::all_of(watchers_, [&](const Watcher& watcher) {
    if (!watcher.asked.empty()) return false;
    return std::ranges::all_of(watcher.streams, [&](const auto& named) {
      const Stream& stream = history_.streams[named.second];
      const uint64_t last = stream.told.empty() ? stream.behind : stream.told.back().offset;
      return everything_told(stream.filter, last, records);
    });
  });
}

void Watchers::expect_everything(uint64_t end) {
  for (const Watcher& watcher : watchers_) {
    for (const auto& [name, stream] : watcher.streams) history_.streams[stream].whole_up_to = end;
  }
}

void Watchers::bury() {
  for (Watcher& watcher : watchers_) {
    if (!watcher.line) continue;
    // What was on its way is still in the socket, up to where the kernel had no more room.
    while (true) {
      const auto link = receive(watcher);
      if (!link.ok() || *link == Line::Link::kEnded) break;
      if (!wait_for(*watcher.line, 100)) break;
    }
    watcher.line.reset();
  }
}

}  // namespace rstmdb::lin
