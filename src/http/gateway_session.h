// One connection of the gateway: who asks, which operation it is, its answer, and the events of a
// stream. It has no rules of its own: a request becomes a row of the table of operations and a JSON
// object of parameters, and goes where those of the RCP door go. On the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/context.h"
#include "api/dispatch.h"
#include "api/promises.h"
#include "api/request_times.h"
#include "api/standing.h"
#include "http/assets.h"
#include "http/connection.h"
#include "http/gateway_stats.h"
#include "http/page.h"
#include "http/problem.h"
#include "http/route.h"
#include "json/document.h"
#include "node/release_gate.h"
#include "watch/watcher.h"

namespace rstmdb::http {

/// What the sessions of a gateway share. They take turns, except that the end of one answer can set
/// others going: what is used inside a request is taken out and given back.
struct GatewayShared {
  node::Node& node;
  const api::ServerFacts& facts;
  api::GuessLimits& guesses;
  std::vector<Page> pages;
  std::span<const Asset> assets;
  std::string own_host;  // of the address that is listened at
  DateLine date = {};
  GatewayStats stats = {};
  std::string spare = {};     // memory for a result
  json::Document outer = {};  // ... and for parameters
  json::Document inner = {};
};

class GatewaySession final : private Handler,
                             private node::Outbox::Listener,
                             private watch::Watcher {
 public:
  using OnEnded = std::function<void(GatewaySession&)>;
  GatewaySession(GatewayShared& shared, std::unique_ptr<io::Stream> stream, OnEnded on_ended);
  ~GatewaySession() override;

  void start() { connection_.start(); }
  /// Ends what takes too long or has expired, and keeps streams alive. Every second.
  void look(int64_t now_ms, int64_t wall_ms);
  /// The credentials have been replaced; false when that ends the session.
  bool check_credential();
  /// No more requests are read; the session ends as soon as its answer has left.
  void drain();
  void close_now() { connection_.close_now(); }

 private:
  std::expected<size_t, Response> on_head(const Request& request) override;
  void on_request(const Request& request, std::string_view body) override;
  Response refuse(const Refusal& refusal) override;
  void on_room() override;
  void on_ended() override;
  void on_released() override;
  void on_withdrawn(std::string_view answers, const Error& error) override;
  bool make_room() override;
  void deliver(const watch::Notification& notification) override;
  void push() override { connection_.send(); }
  void flush() override;
  void on_lost(const Error& error) override;

  std::expected<size_t, Response> on_plain_head(const Request& request);
  Response plain_response(const Request& request) const;
  Result<void> authenticate(const Request& request);
  Result<void> show_token(std::string_view field);
  void forget_token();
  Result<void> check_expiry(int64_t wall_ms) const;
  Result<void> check_standing() const;
  api::Certificate certificate_now() const;
  std::optional<Response> check_head(const Request& request);
  std::optional<Response> check_site(const Request& request) const;

  struct Documents;
  Result<api::Given> read_params(const Request& request, std::string_view body, Documents& use);
  void dispatch(const Request& request, const api::Given& given);
  Response success(const Request& request, std::string result) const;
  void respond(const Response& response, uint64_t depends_on);
  void respond_stream(std::string_view result, const api::Given& given, uint64_t depends_on);
  void refuse_request(const Error& error, uint64_t depends_on = 0);
  void keep_promise(Result<api::Later::Members> members);
  void begin_stream();
  void end_stream(const Error& error);
  void resume_notifications();
  void count(int status);

  GatewayShared& shared_;
  OnEnded on_ended_;
  Connection connection_;
  node::Outbox outbox_;
  api::Caller caller_;
  api::RequestTimes times_;
  api::Promises promises_;

  // Of the request under way. Views into its head.
  const Page* page_ = nullptr;
  const Asset* asset_ = nullptr;
  Found found_;
  size_t operation_ = api::kUnknownOperation;
  int status_ = 0;  // of the answer that waits
  Precondition precondition_ = Precondition::kNone;
  bool stream_waits_ = false;  // what waits is the beginning of a stream

  std::string shown_;            // the field by which the caller is who it is; "": by none
  bool identity_known_ = false;  // what the stream has to say of the peer has been asked
  bool streaming_ = false;
  bool draining_ = false;
  bool notifications_wait_ = false;  // the hub has been told that there is no room for more
};

}  // namespace rstmdb::http
