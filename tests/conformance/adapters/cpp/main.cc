// The C++ client behind the contract of tests/conformance: lines of JSON in, lines of JSON out.
//
// The main thread takes one line after the other and waits for nothing but connects and loads; the
// answers of calls come from the client's own threads, those of a watch from a thread of its own.
#include <atomic>
#include <condition_variable>
#include <deque>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "answers.h"
#include "calls.h"

namespace rstmdb::conformance {
namespace {

using namespace client;
using std::chrono::milliseconds;

void write_line(const std::string& line) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::cout << line << '\n' << std::flush;
}

void answer(const std::string& id, const Result<std::string>& done) {
  write_line(done.ok() ? Members().json("id", id).json("ok", *done).object()
                       : Members().json("id", id).json("error", to_json(done.error())).object());
}

/// A subscription and the thread that pulls from it, one request for notifications at a time.
class Watch {
 public:
  explicit Watch(Subscription subscription)
      : subscription_(std::move(subscription)),
        thread_([this](const std::stop_token& stop) { run(stop); }) {}

  Subscription& subscription() { return subscription_; }

  void next(std::string id, uint64_t count, milliseconds timeout) {
    const std::lock_guard lock(mutex_);
    wanted_.push_back({std::move(id), count, timeout});
    changed_.notify_one();
  }

 private:
  struct Wanted {
    std::string id;
    uint64_t count;
    milliseconds timeout;
  };

  void run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !wanted_.empty(); })) {
      const Wanted wanted = std::move(wanted_.front());
      wanted_.pop_front();
      lock.unlock();
      pull(wanted, stop);
      lock.lock();
    }
  }

  void pull(const Wanted& wanted, const std::stop_token& stop) {
    std::string events;
    for (uint64_t i = 0; i < wanted.count; ++i) {
      const auto next = subscription_.next(wanted.timeout, stop);
      if (!next.ok()) return answer(wanted.id, next.error());
      if (!next->has_value()) break;
      events += (events.empty() ? "" : ",") + to_json(**next);
    }
    answer(wanted.id, Members().json("events", "[" + events + "]").object());
  }

  Subscription subscription_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Wanted> wanted_;
  std::jthread thread_;  // last: it uses all of the above
};

/// So many events on instances by turns, each answer starting the next one.
class Load {
 public:
  Load(Client& client, const Json& request)
      : client_(client),
        calls_(request["calls"].as_uint64().value_or(0)),
        under_way_(request["under_way"].as_uint64().value_or(1)) {
    for (const Json& name : request["instances"].elements()) {
      events_.push_back({.instance_id = std::string(name.string()),
                         .event = std::string(request["event"].string()),
                         .payload = std::string(request["payload"].text())});
    }
  }

  /// Returns how many have failed.
  uint64_t run() {
    for (uint64_t i = 0; i < under_way_; ++i) start();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return finished_; });
    return errors_;
  }

 private:
  void start() {
    const uint64_t turn = started_.fetch_add(1);
    if (turn >= calls_) return;
    client_.apply_event_async(events_[turn % events_.size()])
        .on_ready([this](const Result<EventApplied>& done) {
          start();
          if (!done.ok()) ++errors_;
          if (ended_.fetch_add(1) + 1 < calls_) return;
          const std::lock_guard lock(mutex_);
          finished_ = true;  // only now may run() return, and this object end
          done_.notify_one();
        });
  }

  Client& client_;
  const uint64_t calls_;
  const uint64_t under_way_;
  std::vector<ApplyEvent> events_;
  std::atomic<uint64_t> started_ = 0;
  std::atomic<uint64_t> ended_ = 0;
  std::atomic<uint64_t> errors_ = 0;
  std::mutex mutex_;
  std::condition_variable done_;
  bool finished_ = false;
};

Options options_of(const Json& request) {
  Options options;
  options.host = request["host"].string();
  options.port = static_cast<uint16_t>(request["port"].as_uint64().value_or(0));
  options.token = request["token"].string();
  options.auto_idempotency_keys = request["auto_keys"].as_bool().value_or(true);
  options.request_timeout = milliseconds(request["timeout_ms"].as_int64().value_or(30'000));
  options.pool_size = static_cast<unsigned>(request["pool"].as_uint64().value_or(1));
  if (request["wire"].string() == "jsonl") options.wire = Wire::kJsonl;
  if (const Json tls = request["tls"]; tls.is_object()) {
    options.tls = TlsOptions{.ca_cert = std::string(tls["ca_cert"].string()),
                             .client_cert = std::string(tls["client_cert"].string()),
                             .client_key = std::string(tls["client_key"].string())};
  }
  return options;
}

class Adapter {
 public:
  void take(const Json& request) {
    const std::string id(request["id"].text());
    const std::string_view what = request["do"].string();
    if (what == "about") {
      answer(id, std::string(R"({"client":"cpp","wires":["binary","jsonl"],"numbers":"text",)"
                             R"("reconnects":true,"general":true})"));
    } else if (what == "connect") {
      connect(id, request);
    } else if (what == "close") {
      watches_.clear();
      client_.reset();
      answer(id, std::string("{}"));
    } else if (!client_) {
      answer(id, Error(ErrorKind::kArgument, "not connected"));
    } else if (what == "call" || what == "raw") {
      const auto start = what == "call" ? start_call : start_raw_call;
      start(*client_, request["op"].string(), request["params"],
            [id](const Result<std::string>& done) { answer(id, done); });
    } else if (what == "watch") {
      watch(id, request);
    } else if (what == "load") {
      load(id, request);
    } else {
      of_watch(id, what, request);
    }
  }

 private:
  void connect(const std::string& id, const Json& request) {
    auto connected = Client::connect(options_of(request));
    if (!connected.ok()) return answer(id, connected.error());
    client_ = std::make_unique<Client>(std::move(connected).value());
    answer(id, std::string("{}"));
  }

  void watch(const std::string& id, const Json& request) {
    const std::string_view op = request["op"].string();
    auto opened = open_watch(*client_, op, request["params"]);
    if (!opened.ok()) return answer(id, opened.error());
    Members out;
    out.number("watch", ++last_watch_).text("subscription_id", opened->id());
    const auto offset = static_cast<int64_t>(opened->start_offset());
    if (op == "WATCH_ALL") {
      out.number("wal_offset", offset);
    } else {
      out.text("instance_id", request["params"]["instance_id"].string())
          .text("current_state", opened->start_state())
          .number("current_wal_offset", offset);
      if (opened->start_deleted()) out.flag("deleted", true);
    }
    watches_.emplace(last_watch_, std::make_unique<Watch>(std::move(opened).value()));
    answer(id, out.object());
  }

  void of_watch(const std::string& id, std::string_view what, const Json& request) {
    const auto found = watches_.find(request["watch"].as_int64().value_or(0));
    if (found == watches_.end()) {
      return answer(id, Error(ErrorKind::kArgument, "no such watch, or nothing to do with it"));
    }
    Watch& watch = *found->second;
    if (what == "next") {
      watch.next(id, request["count"].as_uint64().value_or(1),
                 milliseconds(request["timeout_ms"].as_int64().value_or(10'000)));
      return;
    }
    const auto closed = client_->unwatch(watch.subscription());
    watches_.erase(found);
    answer(id, closed.ok() ? Result<std::string>("{}") : Result<std::string>(closed.error()));
  }

  void load(const std::string& id, const Json& request) {
    const auto began = std::chrono::steady_clock::now();
    const uint64_t errors = Load(*client_, request).run();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    answer(id, Members()
                   .json("seconds", std::to_string(took.count()))
                   .number("errors", static_cast<int64_t>(errors))
                   .object());
  }

  std::unique_ptr<Client> client_;
  std::map<int64_t, std::unique_ptr<Watch>> watches_;
  int64_t last_watch_ = 0;
};

int run() {
  Adapter adapter;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto request = Json::parse(line);
    if (!request.ok()) {
      std::cerr << "no request: " << line << '\n';
      return 2;
    }
    adapter.take(*request);
  }
  return 0;
}

}  // namespace
}  // namespace rstmdb::conformance

int main() { return rstmdb::conformance::run(); }
