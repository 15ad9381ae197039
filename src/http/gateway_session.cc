#include "http/gateway_session.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/limits.h"
#include "base/logging.h"
#include "http/event_stream.h"
#include "http/outer_params.h"
#include "http/site.h"
#include "json/scan.h"

namespace rstmdb::http {
namespace {

constexpr size_t kSpareBytesKept = 256 * 1024;
constexpr size_t kRoomAgainBytes = limits::kWatchBufferBytesMax / 2;
constexpr std::string_view kEventStream = "text/event-stream";
constexpr Connection::Timeouts kTimeouts{.idle_ms = limits::kHttpIdleTimeoutMs,
                                         .head_ms = limits::kHttpTimeoutMs,
                                         .body_ms = limits::kHttpBodyTimeoutMs,
                                         .stall_ms = limits::kWriteStallTimeoutMs,
                                         .stream_ms = limits::kWatchStallTimeoutMs};

Error bad(std::string_view what) { return Error(Code::kBadRequest, std::string(what)); }

std::optional<uint64_t> offset_of(json::Value value) {
  if (!value.present() || value.is_null()) return std::nullopt;
  const std::string_view text = value.is_string() ? value.string() : value.text();
  uint64_t offset = 0;
  std::from_chars(text.data(), text.data() + text.size(), offset);
  return offset;
}

/// Behind which offset a stream with these parameters begins, if they say so.
std::optional<uint64_t> stands_at(json::Value params) {
  if (const auto after = offset_of(params["after_offset"])) return after;
  const auto from = offset_of(params["from_offset"]);
  return from && *from > 0 ? std::optional(*from - 1) : from;
}

bool is_json(std::string_view content_type) {
  constexpr std::string_view kWanted = "application/json";
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(type, kWanted, {}, lower);
}

}  // namespace

GatewaySession::GatewaySession(GatewayShared& shared, std::unique_ptr<io::Stream> stream,
                               OnEnded on_ended)
    : shared_(shared),
      on_ended_(std::move(on_ended)),
      connection_({.handler = *this,
                   .clock = shared.node.clock(),
                   .date = shared.date,
                   .stream = std::move(stream),
                   .timeouts = kTimeouts}),
      outbox_(shared.node.gate(), *this),
      times_(shared.stats.operations),
      promises_([this](const api::Promises::Promised&, Result<api::Later::Members> members) {
        keep_promise(std::move(members));
      }) {
  caller_.peer = connection_.peer();
  if (!shared_.facts.auth_required) caller_.rights = api::Access::kAdmin;
}

GatewaySession::~GatewaySession() { shared_.node.hub().forget(*this); }

// ---- a head

std::expected<size_t, Response> GatewaySession::on_head(const Request& request) {
  operation_ = api::kUnknownOperation;
  precondition_ = request.if_match ? Precondition::kIfMatch : Precondition::kNone;
  const auto page = std::ranges::find(shared_.pages, request.path, &Page::path);
  page_ = page == shared_.pages.end() ? nullptr : &*page;
  asset_ = page_ != nullptr ? nullptr : find_asset(shared_.assets, request.path);
  if (page_ != nullptr || asset_ != nullptr) return on_plain_head(request);
  found_ = find_route(request.method, request.path);
  if (auto refused = check_head(request)) {
    ++shared_.stats.operations[operation_].requests;
    count(refused->status);
    return std::unexpected(std::move(*refused));
  }
  return shared_.facts.frame_bytes_max;
}

std::expected<size_t, Response> GatewaySession::on_plain_head(const Request& request) {
  std::optional<Response> refused;
  if (request.method != "GET" && request.method != "HEAD")
    refused = problem(405, bad("this address is for reading")).with("Allow", kPageMethods);
  else if (request.body != Request::Body::kNone)
    refused = problem(400, bad("this request has no body"));
  if (!refused) return 0;
  count(refused->status);
  return std::unexpected(std::move(*refused));
}

/// Everything that can be refused without the body.
std::optional<Response> GatewaySession::check_head(const Request& request) {
  if (found_.route == nullptr && found_.allow.empty())
    return problem(Error(Code::kNotFound, "there is nothing at this address"));
  if (found_.route == nullptr)
    return problem(405, bad("this address has other methods")).with("Allow", found_.allow);
  const RouteRow& route = *found_.route;
  const api::OperationRow& row = operation_of(route);
  operation_ = static_cast<size_t>(route.operation);
  if (auto refused = check_site(request)) return refused;
  if (auto known = authenticate(request); !known.ok()) return problem(known.error());
  if (auto allowed = api::authorise(row, caller_); !allowed.ok()) {
    if (caller_.authenticated()) return problem(allowed.error());
    return problem(
        Error(Code::kUnauthorized, "send a token as Authorization: Bearer").with("op", row.name));
  }
  const bool has_body = request.body != Request::Body::kNone;
  if (route.streams == Streams::kYes && request.http_1_0)
    return problem(505, bad("a stream needs HTTP/1.1"));
  if (route.body == BodyKind::kNone && has_body)
    return problem(400, bad("this request has no body"));
  if (route.body == BodyKind::kOne && !request.says_length)
    return problem(411, bad("the body's length is missing"));
  const bool says_type = request.content_type && route.method != Method::kGet;
  if ((has_body || says_type) && !is_json(request.content_type.value_or("")))
    return problem(415, bad("the body has to be application/json"));
  if (auto kept = check_wishes(route, request); !kept.ok()) return problem(kept.error());
  return std::nullopt;
}

/// What a page of somebody else could have its reader's browser do: write with an empty body, which
/// needs nobody's leave, or read from a name that it has made to lead here.
std::optional<Response> GatewaySession::check_site(const Request& request) const {
  if (found_.route->method != Method::kGet && comes_from_elsewhere(request))
    return problem(403, Error(Code::kUnauthorized, "a page of another site may not write")
                            .with("code", "FORBIDDEN_ORIGIN"));
  if (!shared_.facts.auth_required && !names_us(request, shared_.own_host))
    return problem(421, bad("without authentication this server is spoken to by its address, as "
                            "localhost, or by the name in http.bind_addr"));
  return std::nullopt;
}

// ---- who asks

/// A connection is who its last field says. What has been found out stays true for the same field
/// until the credentials change, so that a request costs no digest.
Result<void> GatewaySession::authenticate(const Request& request) {
  if (!std::exchange(identity_known_, true)) forget_token();
  if (!request.authorization) {
    if (!shown_.empty()) forget_token();
  } else if (*request.authorization != shown_) {
    forget_token();
    RSTMDB_TRY(show_token(*request.authorization));
  }
  return check_expiry(shared_.node.clock().wall_ms());
}

Result<void> GatewaySession::check_expiry(int64_t wall_ms) const {
  return api::check_expiry(caller_, shared_.facts, connection_.stream().identity().expires_ms,
                           wall_ms);
}

/// Whether what has been found out of the request's caller still holds.
Result<void> GatewaySession::check_standing() const {
  if (!identity_known_)
    RSTMDB_TRY(api::check_credential(caller_, shared_.facts, certificate_now()));
  return check_expiry(shared_.node.clock().wall_ms());
}

api::Certificate GatewaySession::certificate_now() const {
  return connection_.stream().still_trusted() ? api::Certificate::kTrusted
                                              : api::Certificate::kNotTrusted;
}

Result<void> GatewaySession::show_token(std::string_view field) {
  constexpr std::string_view kScheme = "bearer ";
  const auto same = [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && a + 32 == b); };
  const bool is_bearer = field.size() > kScheme.size() &&
                         std::ranges::equal(field.substr(0, kScheme.size()), kScheme, same);
  if (!is_bearer) return {};
  // A server that knows no token and asks for none takes any: clients send theirs everywhere.
  const api::ServerFacts& facts = shared_.facts;
  if (!facts.credentials.has_tokens() && !facts.auth_required) return {};
  const std::string_view token = field.substr(kScheme.size());
  const auto principal = api::check_token(caller_, facts, shared_.guesses, shared_.node, token);
  if (caller_.wants_close) connection_.close_after_answer();
  if (!principal.ok()) return principal.error();
  api::identify_as(caller_, facts, **principal, api::Credentials::token_proof(token));
  shown_ = field;
  return {};
}

/// What is left is what the connection itself proves.
void GatewaySession::forget_token() {
  shown_.clear();
  caller_.rights = shared_.facts.auth_required ? api::Access::kNone : api::Access::kAdmin;
  caller_.principal = {};
  caller_.proof = {};
  api::adopt_certificate(caller_, shared_.facts, connection_.stream().identity().subject);
}

// ---- a request

Response GatewaySession::plain_response(const Request& request) const {
  return page_ != nullptr ? page_->make() : asset_response(*asset_, request);
}

/// The shared documents, as long as a request uses them.
struct GatewaySession::Documents {
  explicit Documents(GatewayShared& from)
      : shared(from), outer(std::move(from.outer)), inner(std::move(from.inner)) {}
  ~Documents() {
    if (text_bytes > kSpareBytesKept) return;
    shared.outer = std::move(outer);
    shared.inner = std::move(inner);
  }
  Documents(const Documents&) = delete;
  Documents& operator=(const Documents&) = delete;

  GatewayShared& shared;
  json::Document outer;  // parameters from outside of the body
  json::Document inner;  // the body
  size_t text_bytes = 0;
};

Result<api::Given> GatewaySession::read_params(const Request& request, std::string_view body,
                                               Documents& use) {
  const RouteRow& route = *found_.route;
  const bool reads_body = route.body == BodyKind::kOne || !body.empty();
  use.text_bytes = body.size();
  if (reads_body) RSTMDB_TRY(use.inner.parse(body));
  const json::Value inside = reads_body ? use.inner.root() : json::Value();
  if (route.body == BodyKind::kParams && reads_body && !inside.is_object())
    return bad("the body has to be a JSON object").with("path", "");
  std::string outer;
  RSTMDB_TRY(write_outer_params(outer, found_, request, use.inner.text()));
  RSTMDB_TRY(use.outer.parse(outer));
  if (route.body == BodyKind::kParams) return api::Given{inside, use.outer.root()};
  return api::Given{use.outer.root()};
}

void GatewaySession::on_request(const Request& request, std::string_view body) {
  times_.arrived(connection_.arrived_ns());
  ++shared_.stats.operations[operation_].requests;
  if (page_ != nullptr || asset_ != nullptr) return respond(plain_response(request), 0);
  if (found_.route->streams == Streams::kYes && request.method == "HEAD")
    return respond({.content_type = kEventStream}, 0);
  // The body may have taken its time, and who asks may not count any more.
  if (const auto counts = check_standing(); !counts.ok()) return refuse_request(counts.error());
  Documents documents(shared_);
  const auto given = read_params(request, body, documents);
  if (!given.ok()) return refuse_request(given.error());
  dispatch(request, *given);
}

void GatewaySession::dispatch(const Request& request, const api::Given& given) {
  const api::OperationRow& row = operation_of(*found_.route);
  std::string result = std::move(shared_.spare);
  result.clear();
  json::Writer writer(result);
  writer.open_object();
  promises_.begin("", operation_);
  const api::Context context{shared_.node,    shared_.facts, caller_,
                             shared_.guesses, *this,         promises_};
  const api::Answer answer = api::dispatch(context, &row, row.name, given, writer);
  if (promises_.made()) return;
  if (!answer.outcome.ok())
    return refuse_request(answer.outcome.error(), answer.refusal_depends_on.offset);
  writer.close_object();
  const uint64_t depends_on = answer.outcome->offset;
  const size_t bytes_max = shared_.facts.frame_bytes_max;
  if (result.size() > bytes_max)
    return refuse_request(bad("the answer is longer than allowed; ask for less of it")
                              .with("limit", static_cast<int64_t>(bytes_max)),
                          depends_on);
  if (found_.route->streams == Streams::kYes) return respond_stream(result, given, depends_on);
  Response response = success(request, std::move(result));
  respond(response, depends_on);
  if (response.body.capacity() <= kSpareBytesKept) shared_.spare = std::move(response.body);
}

/// The status and the fields that the route draws from the result.
Response GatewaySession::success(const Request& request, std::string result) const {
  const RouteRow& route = *found_.route;
  Response response{.status = route.success};
  if (!route.created_by.empty() && json::scan_member(result, route.created_by) == "true")
    response.status = 201;
  if (!route.location_member.empty()) {
    json::Document document;
    const auto member = json::scan_member(result, route.location_member);
    if (member && document.parse(*member).ok()) {
      std::string location(route.location_prefix);
      append_percent_encoded(location, document.root().string());
      response.with("Location", location);
    }
  }
  if (!route.etag.empty()) {
    std::string tag = "\"";
    tag.append(json::scan_member(result, route.etag).value_or("")).append("\"");
    response.with("ETag", tag);
    const bool reads = route.method == Method::kGet;
    if (reads && request.if_none_match && names_tag(*request.if_none_match, tag)) {
      response.status = 304;
      response.content_type = {};
      return response;
    }
  }
  response.body = std::move(result);
  return response;
}

/// The answer to a request that an operation has gone on working on.
void GatewaySession::keep_promise(Result<api::Later::Members> members) {
  if (connection_.ended()) return;
  if (!members.ok()) return refuse_request(members.error());
  Response response{.status = found_.route->success};
  json::Writer writer(response.body);
  writer.open_object();
  (*members)(writer);
  writer.close_object();
  respond(response, 0);
}

// ---- an answer

void GatewaySession::count(int status) {
  const auto first_digit = static_cast<size_t>(status / 100);
  ++shared_.stats.answers[operation_][first_digit % GatewayStats::kClasses];
}

Response GatewaySession::refuse(const Refusal& refusal) {
  operation_ = api::kUnknownOperation;
  ++shared_.stats.operations[operation_].requests;
  count(refusal.status);
  return problem(refusal.status, bad(refusal.reason));
}

void GatewaySession::refuse_request(const Error& error, uint64_t depends_on) {
  respond(problem(error, precondition_), depends_on);
}

/// Ends the request; its answer leaves once `depends_on` is committed.
void GatewaySession::respond(const Response& response, uint64_t depends_on) {
  const uint64_t committed = shared_.node.gate().committed();
  times_.answered(operation_, depends_on, committed);
  status_ = response.status;
  if (depends_on > committed) {
    connection_.encode(outbox_.open(node::Outbox::Guess::kWaits), response);
    return outbox_.seal(depends_on);
  }
  count(status_);
  times_.sent(shared_.node.clock().steady_ns());
  connection_.answer(response);
}

void GatewaySession::on_released() {
  times_.released(shared_.node.gate().committed(), shared_.node.clock().steady_ns());
  if (connection_.ended()) return;
  count(status_);
  if (std::exchange(stream_waits_, false)) return begin_stream();
  connection_.answer_encoded(outbox_.ready());
}

void GatewaySession::on_withdrawn(std::string_view, const Error& error) {
  times_.withdrawn(shared_.node.clock().steady_ns());
  stream_waits_ = false;
  if (connection_.ended()) return;
  const Response response = problem(error);
  count(response.status);
  connection_.answer(response);
}

// ---- a stream

/// Where the stream stands: what comes later is still to come.
void GatewaySession::respond_stream(std::string_view result, const api::Given& given,
                                    uint64_t depends_on) {
  const node::ReleaseGate& gate = shared_.node.gate();
  const uint64_t now = std::max(gate.committed(), depends_on);
  std::string& out = outbox_.open(node::Outbox::Guess::kGoes);
  connection_.encode_stream(out, {.content_type = kEventStream});
  append_opening(out, stands_at(given.inside).value_or(now), result);
  times_.answered(operation_, depends_on, gate.committed());
  status_ = 200;
  stream_waits_ = depends_on > gate.committed();
  outbox_.seal(depends_on);
  if (stream_waits_) return;
  count(status_);
  times_.sent(shared_.node.clock().steady_ns());
  begin_stream();
}

void GatewaySession::begin_stream() {
  streaming_ = true;
  ++shared_.stats.streams_active;
  connection_.begin_stream(outbox_.ready());
  if (draining_) return drain();
  // It may have waited for the disk for a while, in which nobody could end it.
  const auto counts = check_standing();
  if (!counts.ok() && connection_.streams()) end_stream(counts.error());
}

bool GatewaySession::make_room() {
  if (connection_.unsent_bytes() >= limits::kWatchBufferBytesMax) connection_.send();
  if (connection_.unsent_bytes() < limits::kWatchBufferBytesMax) return true;
  notifications_wait_ = true;
  return false;
}

void GatewaySession::deliver(const watch::Notification& notification) {
  connection_.make_room(notification.shared.text.size() + kNotificationOwnBytesMax,
                        watch::kBufferMemoryBytes);
  append_notification(connection_.output(), notification);
}

void GatewaySession::flush() {
  if (connection_.ended()) return;
  connection_.send();
  resume_notifications();
}

void GatewaySession::on_room() { resume_notifications(); }

void GatewaySession::resume_notifications() {
  if (!notifications_wait_ || connection_.unsent_bytes() > kRoomAgainBytes) return;
  notifications_wait_ = false;
  shared_.node.hub().resume(*this);
}

void GatewaySession::on_lost(const Error& error) { end_stream(error); }

void GatewaySession::end_stream(const Error& error) {
  shared_.node.hub().forget(*this);
  std::string line;
  append_problem(line, status_of(error), error);
  std::string last;
  append_failure(last, line);
  connection_.end_stream(last);
}

// ---- time and the end

void GatewaySession::look(int64_t now_ms, int64_t wall_ms) {
  connection_.check_timeouts(now_ms);
  if (!connection_.streams()) return;
  if (const auto valid = check_expiry(wall_ms); !valid.ok()) return end_stream(valid.error());
  if (!connection_.output().empty() || now_ms - connection_.sent_ms() < limits::kHttpHeartbeatMs)
    return;
  append_heartbeat(connection_.output());
  connection_.send();
}

bool GatewaySession::check_credential() {
  const api::Certificate certificate = certificate_now();
  const auto counts = api::check_credential(caller_, shared_.facts, certificate);
  if (connection_.streams()) {
    if (!counts.ok()) end_stream(counts.error());
    return counts.ok();
  }
  identity_known_ = false;  // the next request is looked at anew
  if (certificate == api::Certificate::kTrusted) return true;
  connection_.drain();
  return false;
}

void GatewaySession::drain() {
  draining_ = true;
  if (!connection_.streams()) return connection_.drain();
  shared_.node.hub().forget(*this);
  connection_.end_stream("");
}

void GatewaySession::on_ended() {
  shared_.node.hub().forget(*this);
  if (std::exchange(streaming_, false)) --shared_.stats.streams_active;
  on_ended_(*this);
}

}  // namespace rstmdb::http
