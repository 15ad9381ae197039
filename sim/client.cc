#include "client.h"

#include <algorithm>

#include "json/writer.h"

namespace rstmdb::sim {
namespace {

constexpr std::string_view kAddress = "127.0.0.1:7401";
constexpr int64_t kPatienceMs = 15'000;  // for an answer, before the connection is given up
constexpr int64_t kRetryMs = 200;        // until the next try to connect
constexpr int64_t kKeepAliveMs = 120'000;
constexpr size_t kStreamsMax = 3;
constexpr size_t kPendingMax = 64;

}  // namespace

void Client::begin() {
  gone_.clear();
  step_later(static_cast<int64_t>(dice_.below(50)));
}

void Client::step_later(int64_t delay_ms) {
  options_.loop.run_after(delay_ms, [this] { step(); });
}

void Client::step() {
  gone_.clear();
  if (!link_ && !connect()) return step_later(kRetryMs);
  if (!calm_) trouble();
  if (waits_ms() > kPatienceMs) disconnect();
  if (link_) send_some();
  step_later(calm_ ? 20 : 1 + static_cast<int64_t>(dice_.below(options_.swarm.think_ms_max)));
}

/// What may happen to the way between.
void Client::trouble() {
  const Swarm& swarm = options_.swarm;
  if (swarm.break_in > 0 && dice_.below(swarm.break_in) == 0) {
    options_.trace.note("break", options_.number);
    if (dice_.percent(50)) {
      link_->cut();
    } else {
      link_->reset();
      disconnect();
    }
    return;
  }
  if (swarm.hold_in == 0 || dice_.below(swarm.hold_in) != 0) return;
  const bool for_ever = dice_.percent(30);
  const bool only_reading = dice_.percent(40);
  options_.trace.note("hold", options_.number, for_ever, only_reading ? "reads nothing" : "");
  held_ = !only_reading;
  if (only_reading) {
    link_->pause();
  } else {
    link_->hold();
  }
  if (for_ever) return;
  options_.loop.run_after(static_cast<int64_t>(dice_.below(20'000)),
                          [this, connection = connection_] {
                            if (!link_ || connection != connection_) return;
                            held_ = false;
                            link_->release();
                            link_->resume();
                          });
}

bool Client::connect() {
  auto connected = options_.net.connect(kAddress);
  if (!connected.ok()) return false;
  link_ = std::move(connected).value();
  link_->on_change([this] { take(); });
  connection_ = ++options_.connections;
  do {
    dialect_ = static_cast<wire::Dialect>(dice_.below(3));
  } while ((options_.swarm.dialects & (1u << static_cast<unsigned>(dialect_))) == 0);
  frames_.emplace(dialect_, size_t{1} << 26);
  options_.trace.note("connect", options_.number, connection_);
  if (dice_.percent(70)) say_hello();
  return true;
}

void Client::say_hello() {
  const bool switches = dialect_ != wire::Dialect::kJsonl && dice_.percent(25);
  Ask hello{.kind = Ask::Kind::kHello, .op = "HELLO"};
  hello.params = switches ? R"({"protocol_version":1,"wire_modes":["jsonl"]})"
                          : R"({"protocol_version":1,"client_name":"sim"})";
  send(options_.oracle.add(std::move(hello)));
  if (switches) switching_id_ = last_id_;
}

void Client::send(AskId id) {
  const Ask& ask = options_.oracle.ask(id);
  std::string frame;
  const size_t start = wire::begin_frame(frame, dialect_);
  json::Writer(frame)
      .open_object()
      .member("type", "request")
      .member("id", std::to_string(++last_id_))
      .member("op", ask.op)
      .member("params", json::RawJson{ask.params})
      .close_object();
  wire::end_frame(frame, dialect_, start);
  options_.trace.note("ask", options_.number, last_id_, frame);
  pending_[last_id_] = {options_.oracle.sent(id, connection_), options_.loop.now_ns()};
  link_->send(frame);
}

void Client::send_some() {
  if (switching_id_ != 0) return;
  while (!again_.empty() && pending_.size() < kPendingMax) {
    const AskId ask = again_.front();
    again_.pop_front();
    send(ask);
  }
  while (!subscribe_.empty()) {
    WatchWish wish = std::move(subscribe_.front());
    subscribe_.pop_front();
    send(options_.workload.watch(std::move(wish)));
  }
  if (calm_ || pending_.size() >= options_.swarm.burst_max) return;
  const uint64_t burst = dice_.between(1, options_.swarm.burst_max);
  for (uint64_t i = 0; i < burst; ++i) {
    if (!streams_.empty() && dice_.percent(1)) {
      const auto& [subscription, stream] = *streams_.begin();
      Ask unwatch{.kind = Ask::Kind::kUnwatch, .op = "UNWATCH", .params = ""};
      json::Writer(unwatch.params)
          .open_object()
          .member("subscription_id", subscription)
          .close_object();
      const AskId id = options_.oracle.add(std::move(unwatch));
      if (unwatching_.emplace(id, subscription).second && unwatching_.size() == 1) {
        send(id);
      } else {
        unwatching_.erase(id);
      }
      continue;
    }
    const AskId ask = options_.workload.next();
    if (options_.oracle.ask(ask).kind == Ask::Kind::kWatch && streams_.size() >= kStreamsMax)
      continue;
    send(ask);
  }
}

void Client::take() {
  if (!link_) return;
  std::string& received = link_->received();
  size_t used = 0;
  while (link_) {
    const auto frame = frames_->next(std::string_view(received).substr(used));
    if (!frame.ok()) {
      options_.oracle.findings().violate(Rule::kAnswersRight,
                                         "no frame: " + frame.error().to_string());
      break;
    }
    if (!*frame) break;
    used += (*frame)->size;
    take_payload((*frame)->payload);
  }
  received.erase(0, used);
  if (link_->ended() || link_->was_reset()) disconnect();
}

void Client::take_payload(std::string_view payload) {
  options_.trace.note("hear", options_.number, payload.size(), payload);
  if (!document_.parse(payload).ok()) {
    return options_.oracle.findings().violate(Rule::kAnswersRight,
                                              "no JSON: " + std::string(payload));
  }
  const json::Value root = document_.root();
  if (crash::text_of(root, "type") == "event") return take_event(payload);
  const std::string id = crash::text_of(root, "id");
  const auto pending = id.empty() ? pending_.end() : pending_.find(std::stoull(id));
  if (pending == pending_.end()) {
    // A connection is told with an empty id why it ends.
    const bool farewell =
        id.empty() && (options_.oracle.excuses().log_stops || options_.oracle.excuses().refuses);
    options_.oracle.findings().check(Rule::kAnswersRight, farewell, [&] {
      return "an answer to nothing: " + std::string(payload);
    });
    return;
  }
  take_answer(pending->first, payload);
}

void Client::take_answer(uint64_t id, std::string_view payload) {
  const Sending sending = pending_.at(id).sending;
  pending_.erase(id);
  const json::Value root = document_.root();
  options_.oracle.heard(sending, root, payload, options_.committed());
  options_.workload.heard(sending.ask, root);
  const Ask& ask = options_.oracle.ask(sending.ask);
  if (id == switching_id_) {
    switching_id_ = 0;
    dialect_ = wire::Dialect::kJsonl;
    frames_->switch_to(dialect_);
  }
  if (ask.kind == Ask::Kind::kWatch && root["result"]) take_subscription(sending);
  if (ask.kind == Ask::Kind::kUnwatch) {
    const auto stream = streams_.find(unwatching_[sending.ask]);
    if (stream != streams_.end()) {
      options_.oracle.end_stream(stream->second.stream);
      streams_.erase(stream);
    }
    unwatching_.clear();
  }
}

void Client::take_subscription(const Sending& sending) {
  const json::Value result = document_.root()["result"];
  Subscription subscription{options_.oracle.begin_stream(sending, result),
                            options_.oracle.ask(sending.ask).watch};
  if (!subscription.wish.resumes) {
    subscription.wish.after_offset = std::max(crash::number_of(result, "wal_offset", 0),
                                              crash::number_of(result, "current_wal_offset", 0));
    subscription.wish.resumes = true;
  }
  streams_.insert_or_assign(crash::text_of(result, "subscription_id"), std::move(subscription));
}

void Client::take_event(std::string_view payload) {
  const json::Value root = document_.root();
  const auto stream = streams_.find(crash::text_of(root, "subscription_id"));
  if (stream == streams_.end()) {
    return options_.oracle.findings().violate(Rule::kStreams,
                                              "of no subscription: " + std::string(payload));
  }
  const uint64_t offset = crash::number_of(root, "wal_offset", 0);
  options_.oracle.notified(stream->second.stream, offset, payload, options_.committed());
  stream->second.wish.after_offset = std::max(stream->second.wish.after_offset, offset);
}

void Client::calm_down() {
  calm_ = true;
  held_ = false;
  if (!link_) return;
  link_->release();
  link_->resume();
}

void Client::lose() {
  take();
  disconnect();
  gone_.clear();
}

void Client::disconnect() {
  if (!link_) return;
  options_.trace.note("disconnect", options_.number, connection_);
  link_->on_change({});
  link_->reset();
  if (std::exchange(held_, false)) {
    // The server does not hear of it until its system has probed the connection in vain.
    options_.loop.run_after(kKeepAliveMs, [link = std::move(link_)] { link->release(); });
  } else {
    gone_.push_back(std::move(link_));
  }
  for (const auto& [id, pending] : pending_) {
    const Ask::Kind kind = options_.oracle.ask(pending.sending.ask).kind;
    if (kind == Ask::Kind::kWrites && options_.oracle.repeatable(pending.sending.ask) &&
        dice_.percent(options_.swarm.retry_percent))
      again_.push_back(pending.sending.ask);
  }
  pending_.clear();
  for (auto& [id, subscription] : streams_) {
    options_.oracle.end_stream(subscription.stream);
    if (calm_ || dice_.percent(80)) subscribe_.push_back(std::move(subscription.wish));
  }
  streams_.clear();
  unwatching_.clear();
  switching_id_ = 0;
}

int64_t Client::waits_ms() const {
  if (pending_.empty()) return 0;
  return (options_.loop.now_ns() - pending_.begin()->second.at_ns) / 1'000'000;
}

}  // namespace rstmdb::sim
