#include "client.h"

#include <algorithm>

#include "json/writer.h"

namespace rstmdb::sim {
namespace {

constexpr std::string_view kRcpAddress = "127.0.0.1:7401";
constexpr std::string_view kHttpAddress = "127.0.0.1:8080";
constexpr int64_t kPatienceMs = 15'000;  // for an answer, before the connection is given up
constexpr int64_t kRetryMs = 200;        // until the next try to connect
constexpr int64_t kKeepAliveMs = 120'000;
constexpr size_t kStreamsMax = 3;
constexpr size_t kPendingMax = 64;
// Whoever guesses more often has to wait, and whoever sends more as nobody is sent away.
constexpr int64_t kWrongTokenMs = 250;
constexpr uint32_t kWrongTokensMax = 4;
constexpr uint32_t kSentAsNobodyMax = 16;
constexpr size_t kBytesAsNobodyMax = 60'000;

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
  if (link_ && streams_alone_ && (calm_ ? !again_.empty() : dice_.percent(3))) disconnect();
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
  // Each from an address of its own: wrong tokens are counted by address.
  auto connected = options_.net.connect(http_ ? kHttpAddress : kRcpAddress,
                                        "10.0.0." + std::to_string(options_.number + 1));
  if (!connected.ok()) return false;
  link_ = std::move(connected).value();
  link_->on_change([this] { take(); });
  connection_ = ++options_.connections;
  standing_ = options_.swarm.tokens > 0 ? Standing{.may = May::kNothing} : Standing{};
  wrong_tokens_ = sent_as_nobody_ = 0;
  options_.trace.note("connect", options_.number, connection_);
  if (http_) {
    line_ = http_line();
    token_ = calm_ ? kAllToken : dice_.below(kRightTokens);
    return true;
  }
  wire::Dialect dialect = wire::Dialect::kRcpx;
  do {
    dialect = static_cast<wire::Dialect>(dice_.below(3));
  } while ((options_.swarm.dialects & (1u << static_cast<unsigned>(dialect))) == 0);
  line_ = rcp_line(dialect);
  if (dice_.percent(70)) say_hello(dialect);
  const bool knocks = options_.swarm.tokens > 0 && (calm_ || dice_.percent(80));
  if (knocks && !sends_nothing()) authenticate();
  return true;
}

void Client::say_hello(wire::Dialect dialect) {
  const bool switches = dialect != wire::Dialect::kJsonl && dice_.percent(25);
  Ask hello{.kind = Ask::Kind::kHello, .op = "HELLO"};
  hello.params = switches ? R"({"protocol_version":1,"wire_modes":["jsonl"]})"
                          : R"({"protocol_version":1,"client_name":"sim"})";
  send(options_.oracle.add(std::move(hello)));
  if (switches) switching_id_ = last_id_;
}

void Client::send(AskId id) {
  const Ask& ask = options_.oracle.ask(id);
  Standing standing = standing_;
  std::string_view token;
  if (http_ && options_.swarm.tokens > 0 && (calm_ || !dice_.percent(5))) {
    const Token& shown = tokens()[calm_ || dice_.percent(90) ? token_ : draw_token()];
    standing = shown.standing;
    token = shown.text;
  }
  if (standing.may == May::kNothing) ++sent_as_nobody_;
  std::string bytes;
  line_->ask(bytes, ++last_id_, ask, token);
  options_.trace.note("ask", options_.number, last_id_, bytes);
  pending_[last_id_] = {options_.oracle.sent(id, connection_, standing), options_.loop.now_ns()};
  if (ask.kind == Ask::Kind::kAuth && tokens()[ask.token].right())
    standing_ = tokens()[ask.token].standing;
  if (ask.kind == Ask::Kind::kWatch && http_) streams_alone_ = true;
  link_->send(bytes);
}

/// Mostly a right one; wrong ones so seldom that nobody has to wait for it.
size_t Client::draw_token() {
  const bool may_be_wrong =
      wrong_tokens_ < kWrongTokensMax && now_ms() - wrong_token_ms_ >= kWrongTokenMs;
  const size_t drawn = dice_.below(may_be_wrong ? tokens().size() : kRightTokens);
  if (drawn < kRightTokens) return drawn;
  ++wrong_tokens_;
  wrong_token_ms_ = now_ms();
  return drawn;
}

void Client::authenticate() {
  Ask auth{.kind = Ask::Kind::kAuth, .op = "AUTH", .params = ""};
  auth.token = calm_ ? kAllToken : draw_token();
  json::Writer(auth.params).open_object().member("token", tokens()[auth.token].text).close_object();
  send(options_.oracle.add(std::move(auth)));
}

/// Nobody is listened to for long.
bool Client::may_send(AskId ask) const {
  return http_ || standing_.may != May::kNothing ||
         options_.oracle.ask(ask).params.size() < kBytesAsNobodyMax;
}

void Client::send_some() {
  if (sends_nothing()) return;
  const bool nobody = standing_.may == May::kNothing;
  if (!http_ && options_.swarm.tokens > 0 && dice_.percent(calm_ && nobody ? 100 : nobody ? 30 : 2))
    authenticate();
  send_again();
  send_subscriptions();
  if (!sends_nothing() && !calm_) send_new();
}

void Client::send_again() {
  while (!again_.empty() && pending_.size() < kPendingMax && may_send(again_.front())) {
    const AskId ask = again_.front();
    again_.pop_front();
    send(ask);
  }
}

/// Over HTTP a subscription is the last thing that is asked for on a connection.
void Client::send_subscriptions() {
  while (!subscribe_.empty() && !sends_nothing()) {
    if (http_ && (!again_.empty() || !pending_.empty() || !(calm_ || dice_.percent(30)))) return;
    WatchWish wish = std::move(subscribe_.front());
    subscribe_.pop_front();
    send(options_.workload.watch(std::move(wish)));
  }
}

void Client::send_new() {
  if (pending_.size() >= options_.swarm.burst_max) return;
  const uint64_t burst = dice_.between(1, options_.swarm.burst_max);
  for (uint64_t i = 0; i < burst && !sends_nothing(); ++i) {
    if (!streams_.empty() && dice_.percent(1)) {
      unwatch();
      continue;
    }
    const AskId ask = options_.workload.next();
    const bool watches = options_.oracle.ask(ask).kind == Ask::Kind::kWatch;
    if (watches && streams_.size() + subscribe_.size() >= (http_ ? 1 : kStreamsMax)) continue;
    if (may_send(ask)) send(ask);
  }
}

void Client::unwatch() {
  const auto& [subscription, stream] = *streams_.begin();
  Ask unwatch{.kind = Ask::Kind::kUnwatch, .op = "UNWATCH", .params = ""};
  json::Writer(unwatch.params).open_object().member("subscription_id", subscription).close_object();
  const AskId id = options_.oracle.add(std::move(unwatch));
  if (unwatching_.emplace(id, subscription).second && unwatching_.size() == 1) {
    send(id);
  } else {
    unwatching_.erase(id);
  }
}

void Client::take() {
  if (!link_) return;
  std::string& received = link_->received();
  size_t used = 0;
  while (link_) {
    const auto heard = line_->next(std::string_view(received).substr(used));
    if (!heard.ok()) {
      options_.oracle.findings().violate(Rule::kAnswersRight,
                                         "not to be read: " + heard.error().to_string());
      break;
    }
    if (!*heard) break;
    used += (*heard)->size;
    if (!(*heard)->payload.empty()) take_payload((*heard)->payload);
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
    const bool for_nobody = sent_as_nobody_ > kSentAsNobodyMax &&
                            crash::text_of(root["error"]["details"], "code") == "TOO_MANY_REQUESTS";
    const Excuses& excuses = options_.oracle.excuses();
    const bool farewell = id.empty() && (for_nobody || excuses.log_stops || excuses.refuses);
    options_.oracle.findings().check(Rule::kAnswersRight, farewell, [&] {
      return "an answer to nothing: " + std::string(payload);
    });
    return;
  }
  take_answer(pending->first, payload);
}

void Client::take_answer(uint64_t id, std::string_view payload) {
  const Pending& pending = pending_.at(id);
  Sending sending = pending.sending;
  sending.at_ms = pending.at_ns / 1'000'000;
  sending.took_ms = (options_.loop.now_ns() - pending.at_ns) / 1'000'000;
  pending_.erase(id);
  const json::Value root = document_.root();
  options_.oracle.heard(sending, root, payload, options_.committed());
  options_.workload.heard(sending.ask, root);
  const Ask& ask = options_.oracle.ask(sending.ask);
  if (id == switching_id_) {
    switching_id_ = 0;
    line_->switch_to_lines();
  }
  if (ask.kind == Ask::Kind::kWatch && root["result"]) take_subscription(sending);
  if (ask.kind == Ask::Kind::kWatch && !root["result"]) streams_alone_ = false;
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
  streams_alone_ = false;
}

int64_t Client::waits_ms() const {
  if (pending_.empty()) return 0;
  return (options_.loop.now_ns() - pending_.begin()->second.at_ns) / 1'000'000;
}

}  // namespace rstmdb::sim
