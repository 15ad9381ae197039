#include "server/session.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "api/dispatch.h"
#include "api/standing.h"
#include "base/limits.h"
#include "base/logging.h"
#include "wire/message.h"

namespace rstmdb::server {
namespace {

constexpr size_t kInputBytesMin = 4 * 1024;
constexpr size_t kInputBytesBusy = 64 * 1024;
constexpr size_t kOutputBytesKept = 256 * 1024;
constexpr int64_t kNsPerMs = 1'000'000;
/// So much must have left before notifications go on: a stream that stops and goes does so seldom.
constexpr size_t kRoomAgainBytes = limits::kWatchBufferBytesMax / 2;
constexpr size_t kSpareBytesKept = 4 * 1024;

size_t payload_limit(const api::ServerFacts& facts, const api::Caller& caller) {
  return caller.authenticated() ? facts.frame_bytes_max : limits::kFramePayloadBytesBeforeAuthMax;
}

Error too_many_before_auth() {
  return Error(Code::kUnauthorized, "too many requests without an AUTH that succeeded")
      .with("code", "TOO_MANY_REQUESTS")
      .with("limit", limits::kRequestsBeforeAuthMax);
}

Error too_many_connections() {
  return Error(Code::kRateLimited, "the server has as many connections as allowed")
      .with("code", "TOO_MANY_CONNECTIONS");
}

}  // namespace

Session::Session(Options options)
    : node_(options.node),
      facts_(options.facts),
      guesses_(options.guesses),
      owner_(options.owner),
      aheads_(options.aheads),
      stretches_(options.stretches),
      stats_(options.stats),
      stream_(std::move(options.stream)),
      number_(options.number),
      welcome_(options.welcome),
      idle_timeout_ms_(options.idle_timeout_ms),
      frames_(limits::kFramePayloadBytesBeforeAuthMax),
      outbox_(options.node.gate(), *this),
      times_(options.stats.operations),
      promises_(
          [this](const api::Promises::Promised& promised, Result<api::Later::Members> members) {
            keep_promise(promised, std::move(members));
          }),
      input_(kInputBytesMin),
      started_ms_(options.node.clock().steady_ns() / kNsPerMs),
      last_input_ms_(started_ms_) {
  caller_.peer = stream_->peer();
  if (!facts_.auth_required) caller_.rights = api::Access::kAdmin;
  frames_.set_payload_bytes_max(payload_limit(facts_, caller_));
}

Session::~Session() { node_.hub().forget(*this); }

void Session::start() { stream_->start(*this); }

// ---- input

std::span<char> Session::read_buffer() {
  if (arrived_) return {};  // handle_arrived() resumes
  if (phase_ != Phase::kOpen || must_pause()) {
    paused_ = true;
    return {};
  }
  if (input_begin_ > 0 && input_begin_ == input_end_) input_begin_ = input_end_ = 0;
  // The room grows with what has arrived, at most to twice that, never to what a header announces.
  const size_t arrived = input_end_ - input_begin_;
  if (arrived == 0 && input_.size() > kInputBytesBusy) input_ = std::vector<char>(kInputBytesBusy);
  const size_t wanted = std::max(frames_.frame_size_hint(), kInputBytesMin);
  const bool cramped = input_end_ == input_.size() || input_.size() - input_begin_ < wanted;
  if (input_begin_ > 0 && cramped) {
    std::memmove(input_.data(), input_.data() + input_begin_, arrived);
    input_end_ = arrived;
    input_begin_ = 0;
  }
  if (input_end_ == input_.size()) input_.resize(std::max(kInputBytesBusy, input_end_ * 2));
  return {input_.data() + input_end_, input_.size() - input_end_};
}

void Session::on_read(size_t size) {
  const bool filled = input_end_ + size == input_.size();
  input_end_ += size;
  const int64_t now_ns = node_.clock().steady_ns();
  last_input_ms_ = now_ns / kNsPerMs;
  times_.arrived(now_ns);
  if (!identity_known_) adopt_certificate();
  arrived_ = true;
  owner_.on_arrived(*this);
  if (filled && input_.size() < kInputBytesBusy) input_.resize(kInputBytesBusy);
}

void Session::adopt_certificate() {
  identity_known_ = true;
  api::adopt_certificate(caller_, facts_, stream_->identity().subject);
  frames_.set_payload_bytes_max(payload_limit(facts_, caller_));
}

/// Whether requests can be read ahead: they will be carried out as they have been read.
bool Session::settled() const {
  return caller_.authenticated() && frames_.dialect() && dialect() != wire::Dialect::kJsonl &&
         welcome_ == Welcome::kServe;
}

size_t Session::look_ahead(std::span<std::string_view> ids) {
  if (phase_ != Phase::kOpen || must_pause() || !settled() || offered_.any()) return 0;
  ahead_ = aheads_.take();
  ahead_->read(frames_, {input_.data() + input_begin_, input_end_ - input_begin_},
               ReadAhead::Depth::kOne);
  return ahead_->name_instances(ids);
}

void Session::offer_stretches() {
  if (phase_ != Phase::kOpen || must_pause() || !settled()) return;
  offered_ = stretches_.offer(frames_, {input_.data() + input_begin_, input_end_ - input_begin_});
}

void Session::handle_arrived() {
  if (!std::exchange(arrived_, false)) return;
  if (phase_ == Phase::kOpen) handle_input();
  if (ahead_) const ReadAheads::Lease unused(aheads_, std::move(ahead_));
  if (!paused_ && !input_ended_ && phase_ == Phase::kOpen) stream_->resume_reading();
}

void Session::handle_input() {
  handling_ = true;
  while (phase_ == Phase::kOpen) {
    if (must_pause()) {
      paused_ = true;
      break;
    }
    if (!handle_next()) break;
  }
  handling_ = false;
  if (offered_.any()) stretches_.drop(offered_);  // the input may move now
  if (times_.anything_to_send()) times_.sent(node_.clock().steady_ns());
  const bool incomplete = input_begin_ < input_end_;
  if (!incomplete) frame_started_ms_ = 0;
  if (incomplete && frame_started_ms_ == 0) frame_started_ms_ = last_input_ms_;
  // The peer has said all it will say, and all of it has been handled.
  if (input_ended_ && !paused_ && phase_ == Phase::kOpen) begin_closing();
  send();
}

/// Handles what can be read at once; false when nothing more is to be handled, or nothing more is
/// there.
bool Session::handle_next() {
  const std::string_view input(input_.data() + input_begin_, input_end_ - input_begin_);
  if (offered_.any()) {
    if (ReadAhead* stretch = stretches_.take(offered_, input.data())) {
      prefetch(*stretch);
      return handle_read(*stretch);
    }
  }
  const bool looked_ahead = ahead_ != nullptr;
  ReadAheads::Lease ahead(aheads_, looked_ahead ? std::move(ahead_) : aheads_.take());
  if (!looked_ahead)
    ahead->read(frames_, input, settled() ? ReadAhead::Depth::kMany : ReadAhead::Depth::kOne);
  if (welcome_ == Welcome::kRefuse && frames_.dialect() && !ahead->broken()) {
    refuse_stream(too_many_connections());
    return false;
  }
  if (!looked_ahead && ahead->entries().size() > 1) prefetch(*ahead);
  return handle_read(*ahead);
}

void Session::prefetch(const ReadAhead& ahead) {
  std::array<std::string_view, ReadAhead::kRequestsMax> ids;
  node_.prefetch({ids.data(), ahead.name_instances(ids)});
}

/// As handle_next(), for what has been read.
bool Session::handle_read(ReadAhead& ahead) {
  for (ReadAhead::Entry& entry : ahead.entries()) {
    if (phase_ != Phase::kOpen || must_pause()) return true;  // the rest is read again
    const size_t frame_size = entry.frame.size;
    if (!handle_frame(entry)) return false;
    drop_input(frame_size);
  }
  if (ahead.broken()) refuse_stream(*ahead.broken());
  return !ahead.broken() && !ahead.entries().empty();
}

void Session::drop_input(size_t bytes) {
  input_begin_ += bytes;
  frame_started_ms_ = 0;
}

/// False when nothing more is to be handled.
bool Session::handle_frame(ReadAhead::Entry& entry) {
  const std::string_view payload = entry.frame.payload;
  if (payload.empty() && dialect() == wire::Dialect::kJsonl) return true;
  if (!caller_.authenticated() && ++requests_before_auth_ > limits::kRequestsBeforeAuthMax) {
    refuse_stream(too_many_before_auth());
    return false;
  }
  had_request_ = true;
  caller_.speaks_jsonl = dialect() == wire::Dialect::kJsonl;
  if (entry.request->ok()) {
    handle_request(**entry.request, entry.row);
  } else {
    answer_unreadable(entry.id, entry.request->error());
  }
  after_answer();
  return phase_ != Phase::kEnded;
}

void Session::handle_request(const wire::Request& request, const api::OperationRow* row) {
  const size_t operation =
      row == nullptr ? api::kUnknownOperation : static_cast<size_t>(row->operation);
  ++stats_.operations[operation].requests;
  const bool writes = row != nullptr && row->access == api::Access::kWrite;
  std::string& out =
      outbox_.open(writes ? node::Outbox::Guess::kWaits : node::Outbox::Guess::kGoes);
  wire::ResponseWriter response(out, dialect());
  promises_.begin(request.id, operation);
  const api::Context context{node_, facts_, caller_, guesses_, *this, promises_};
  const api::Answer answer =
      api::dispatch(context, row, request.op, request.params, response.open(request.id));
  if (promises_.made()) return response.discard();
  if (answer.outcome.ok()) {
    response.close();
    if (response.size() <= facts_.frame_bytes_max + wire::kHeaderBytesMax) {
      return seal(operation, answer.outcome->offset);
    }
    response.discard();
    const Error error = Error(Code::kBadRequest, "the answer is longer than a frame may be")
                            .with("limit", static_cast<int64_t>(facts_.frame_bytes_max));
    count_error(error);
    response.error(request.id, error);
    return seal(operation, answer.outcome->offset);
  }
  response.discard();
  count_error(answer.outcome.error());
  response.error(request.id, answer.outcome.error());
  seal(operation, answer.refusal_depends_on.offset);
}

/// The answer to a request that an operation has gone on working on.
void Session::keep_promise(const api::Promises::Promised& promised,
                           Result<api::Later::Members> members) {
  if (phase_ == Phase::kEnded) return;
  wire::ResponseWriter response(outbox_.open(node::Outbox::Guess::kGoes), dialect());
  if (members.ok()) {
    (*members)(response.open(promised.id));
    response.close();
  } else {
    count_error(members.error());
    response.error(promised.id, members.error());
  }
  outbox_.seal(0);
  if (!handling_) send();
}

/// Ends the answer to one request of `operation`.
void Session::seal(size_t operation, uint64_t depends_on) {
  times_.answered(operation, depends_on, node_.gate().committed());
  outbox_.seal(depends_on);
}

/// The answer to what came whole but is no request.
void Session::answer_unreadable(std::string_view id, const Error& error) {
  ++stats_.operations[api::kUnknownOperation].requests;
  times_.answered(api::kUnknownOperation, 0, 0);
  answer_error(id, error, 0);
}

void Session::answer_error(std::string_view id, const Error& error, uint64_t depends_on) {
  count_error(error);
  wire::ResponseWriter(outbox_.open(node::Outbox::Guess::kGoes), dialect()).error(id, error);
  outbox_.seal(depends_on);
}

/// Carries out what the operation asked of its connection.
void Session::after_answer() {
  if (caller_.wants_jsonl && dialect() != wire::Dialect::kJsonl) switching_ = true;
  caller_.wants_jsonl = false;
  switch_when_quiet();
  frames_.set_payload_bytes_max(payload_limit(facts_, caller_));
  if (caller_.wants_close) begin_closing();
}

/// Everything after the answer to a HELLO that asked for jsonl is jsonl: nothing more is handled
/// while older answers, and that one, wait to leave in the old form.
void Session::switch_when_quiet() {
  if (!switching_ || outbox_.held_answers() > 0) return;
  frames_.switch_to(wire::Dialect::kJsonl);
  stretches_.drop(offered_);  // have been read in the old form
  switching_ = false;
}

/// The stream cannot be trusted any more: one answer, then the end.
void Session::refuse_stream(const Error& error) {
  log_line(Level::kInfo, "connection refused", {{"peer", peer()}, {"reason", error.to_string()}});
  answer_error("", error, 0);
  begin_closing();
}

// ---- output

bool Session::must_pause() const {
  if (switching_) return true;
  // What is promised comes however much waits by then: it counts as the largest that it can be.
  const size_t promised = promises_.count() * limits::kHistoryPageBytesMax;
  return outbox_.ready_bytes() + outbox_.held_bytes() + promised > limits::kWriteBufferBytesMax ||
         outbox_.held_answers() + promises_.count() >= limits::kRequestsInFlightMax;
}

void Session::on_released() {
  if (phase_ == Phase::kEnded) return;
  times_.released(node_.gate().committed(), node_.clock().steady_ns());
  if (!handling_) send();
}

void Session::on_withdrawn(std::string_view answers, const Error& error) {
  if (phase_ == Phase::kEnded) return;
  switching_ = false;  // its HELLO is answered with the failure
  times_.withdrawn(node_.clock().steady_ns());
  // The answers are our own frames: read the ids back and say instead that the outcome is unknown.
  // Each tells its dialect by itself, because a HELLO may have switched it between two of them.
  // They may show what no single request could bring: contexts grow deeper and wider than one.
  const json::Document::Limits own{.depth = limits::kJsonAnswerDepthMax, .members = answers.size()};
  json::Document document;
  while (!answers.empty()) {
    wire::FrameReader frames(answers.size());
    const auto frame = frames.next(answers);
    RSTMDB_CHECK(frame.ok() && *frame, "an answer of our own that is no frame");
    const auto parsed = document.parse((*frame)->payload, own);
    RSTMDB_CHECK(parsed.ok(), "an answer of our own that is no JSON");
    answer_error(wire::readable_id(document.root()), error, 0);
    answers.remove_prefix((*frame)->size);
  }
  send();
}

void Session::on_writable() {
  write_blocked_ = false;
  write_stalled_ms_ = 0;
  send();
}

void Session::write_ready() {
  std::string& ready = outbox_.ready();
  if (ready.empty() || write_blocked_) return;
  outbox_.drop_sent(stream_->write(outbox_.unsent()));
  if (ready.empty() && ready.capacity() > kOutputBytesKept) std::string().swap(ready);
  if (ready.empty()) {
    if (std::exchange(has_spare_, false)) {
      ready.swap(owner_.spare_output());
      // Somebody else's, when several had fallen behind: one spare is enough.
      if (ready.capacity() > kSpareBytesKept) std::string().swap(ready);
    }
    return;
  }
  write_blocked_ = true;
  write_stalled_ms_ = node_.clock().steady_ns() / kNsPerMs;
}

void Session::send() {
  write_ready();
  if (notifications_wait_ && outbox_.ready_bytes() <= kRoomAgainBytes) {
    notifications_wait_ = false;
    node_.hub().resume(*this);
  }
  if (phase_ == Phase::kClosing) return end_when_sent();
  switch_when_quiet();
  if (paused_ && !must_pause() && phase_ == Phase::kOpen) {
    paused_ = false;
    // What has been read but not handled comes first; it may pause again.
    handle_input();
    // Nothing was read meanwhile, so the rest of a frame had no way to arrive.
    if (frame_started_ms_ != 0) frame_started_ms_ = node_.clock().steady_ns() / kNsPerMs;
    if (!paused_ && !input_ended_ && phase_ == Phase::kOpen) stream_->resume_reading();
  }
}

bool Session::nothing_left() const {
  return outbox_.held_answers() == 0 && outbox_.ready_bytes() == 0 && promises_.count() == 0;
}

void Session::end_when_sent() {
  if (nothing_left()) end(io::Stream::Close::kAfterSending);
}

// ---- notifications

bool Session::make_room() {
  if (outbox_.ready_bytes() >= limits::kWatchBufferBytesMax) write_ready();
  if (outbox_.ready_bytes() < limits::kWatchBufferBytesMax) return true;
  notifications_wait_ = true;
  return false;
}

void Session::deliver(const watch::Notification& notification) {
  std::string& ready = outbox_.ready();
  if (ready.empty() && !has_spare_) {
    ready.swap(owner_.spare_output());
    has_spare_ = true;
  }
  outbox_.make_room(notification.shared.text.size() + wire::kEventOwnBytesMax,
                    watch::kBufferMemoryBytes);
  wire::append_event(ready, dialect(), notification.shared, notification.kind,
                     notification.subscription_id);
}

void Session::push() {
  if (phase_ != Phase::kEnded) write_ready();
}

void Session::flush() {
  if (phase_ != Phase::kEnded) send();
}

void Session::on_lost(const Error& error) {
  answer_error("", error, 0);
  begin_closing();
  send();
}

// ---- end

/// No more requests, and no more notifications; what is on its way is sent.
void Session::begin_closing() {
  phase_ = Phase::kClosing;
  node_.hub().forget(*this);
}

void Session::on_closed(const Error& reason) {
  handle_arrived();  // what came before this
  if (phase_ == Phase::kEnded) return;
  if (reason.detail("reason") == "end") {
    // Only the peer's sending side is closed: it still gets the answers to what it has asked.
    input_ended_ = true;
    if (!paused_) begin_closing();
    return send();
  }
  log_line(Level::kDebug, "connection broken", {{"peer", peer()}, {"reason", reason.message()}});
  phase_ = Phase::kEnded;
  node_.hub().forget(*this);
  owner_.on_ended(*this);
}

void Session::end(io::Stream::Close how) {
  if (phase_ == Phase::kEnded) return;
  phase_ = Phase::kEnded;
  node_.hub().forget(*this);
  stream_->close(how);
  owner_.on_ended(*this);
}

void Session::drain() {
  handle_arrived();
  if (phase_ == Phase::kEnded) return;
  begin_closing();
  end_when_sent();
}

void Session::close_now() { end(io::Stream::Close::kReset); }

bool Session::check_credential() {
  if (phase_ != Phase::kOpen) return true;
  using api::Certificate;
  const auto counts = api::check_credential(
      caller_, facts_, stream_->still_trusted() ? Certificate::kTrusted : Certificate::kNotTrusted);
  if (!counts.ok()) end_for(counts.error());
  return counts.ok();
}

void Session::check_expiry(int64_t wall_ms) {
  if (phase_ != Phase::kOpen) return;
  const auto valid = api::check_expiry(caller_, facts_, stream_->identity().expires_ms, wall_ms);
  if (!valid.ok()) end_for(valid.error());
}

/// One last word, soon cut off when the peer does not take it.
void Session::end_for(const Error& error) {
  log_line(Level::kInfo, "session ended",
           {{"peer", peer()}, {"principal", caller_.principal.name}, {"reason", error.message()}});
  caller_.rights = api::Access::kNone;
  cut_at_ms_ = node_.clock().steady_ns() / kNsPerMs + limits::kRevokedCutMs;
  answer_error("", error, 0);
  begin_closing();
  send();
}

void Session::check_timeouts(int64_t now_ms) {
  if (phase_ == Phase::kEnded) return;
  const char* reason = nullptr;
  const int64_t stall_limit_ms =
      subscriptions() == 0 ? limits::kWriteStallTimeoutMs : limits::kWatchStallTimeoutMs;
  if (cut_at_ms_ != 0 && now_ms >= cut_at_ms_) return close_now();
  if (welcome_ == Welcome::kRefuse && phase_ == Phase::kOpen &&
      now_ms - started_ms_ > limits::kRefusalTimeoutMs) {
    cut_at_ms_ = now_ms + limits::kRefusalTimeoutMs;
    refuse_stream(too_many_connections());
    send();
    return;
  }
  // What has arrived may be what is missing; it is handled before the next look.
  const bool missing = !arrived_;
  if (missing && !handshake_done() && now_ms - started_ms_ > limits::kHandshakeTimeoutMs) {
    reason = had_request_ ? "no authentication after connecting" : "no request after connecting";
  } else if (missing && frame_started_ms_ != 0 && !paused_ &&
             now_ms - frame_started_ms_ > limits::kFrameTimeoutMs) {
    reason = "a frame takes too long to arrive";
  } else if (write_stalled_ms_ != 0 && now_ms - write_stalled_ms_ > stall_limit_ms) {
    reason = "the peer does not read its answers";
  } else if (nothing_left() && subscriptions() == 0 && now_ms - last_input_ms_ > idle_timeout_ms_) {
    reason = "idle";
  }
  if (reason == nullptr) return;
  log_line(Level::kInfo, "connection timed out", {{"peer", peer()}, {"reason", reason}});
  end(write_stalled_ms_ != 0 ? io::Stream::Close::kReset : io::Stream::Close::kAfterSending);
}

}  // namespace rstmdb::server
