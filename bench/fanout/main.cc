// rstmdb_fanout: watches everything over many connections while it writes, checks that each of them
// is told everything in order, and prints what it measured as one JSON object. Writers and watchers
// share one thread and one epoll, so that a server has the other core for itself.
//
// With --bare the frames come from a loop that does nothing but send: what the loopback carries.
#include <sys/epoll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "fanout/bare.h"
#include "fanout/stream.h"
#include "fanout/writers.h"
#include "load/cpu.h"

namespace rstmdb::bench {
namespace {

constexpr int kEventsMax = 256;
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kSettleNs = 60'000 * kNsPerMs;

struct Plan {
  Writers::Options writers;
  uint32_t watchers = 100;
  std::string params = "{}";
  int64_t warmup_ms = 1'000;
  int64_t measured_ms = 5'000;
  int server_pid = 0;
  size_t bare_frame_bytes = 0;  // 0: a real server
};

/// What has been counted up to a moment.
struct Counts {
  int64_t at_ns = 0;
  uint64_t notifications = 0;
  uint64_t bytes = 0;
  uint64_t writes = 0;
  double server_cpu = 0;
  double own_cpu = 0;
};

class FanOut {
 public:
  explicit FanOut(const Plan& plan) : plan_(plan) {}
  ~FanOut() {
    if (epoll_ >= 0) ::close(epoll_);
  }

  Result<void> run() {
    RSTMDB_TRY(connect());
    RSTMDB_TRY(turn([until = now_ns() + plan_.warmup_ms * kNsPerMs] { return now_ns() >= until; }));
    if (writers_) writers_->latencies().clear();
    const Counts from = counts();
    RSTMDB_TRY(
        turn([until = now_ns() + plan_.measured_ms * kNsPerMs] { return now_ns() >= until; }));
    const Counts to = counts();
    const int64_t lag = lag_of_last();
    if (writers_) RSTMDB_TRY(settle());
    print(from, to, lag, static_cast<double>(now_ns() - to.at_ns) / 1e9);
    return {};
  }

 private:
  Result<void> connect() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return Error(Code::kInternalError, "epoll_create1").with("errno", errno);
    if (plan_.bare_frame_bytes > 0) {
      RSTMDB_ASSIGN(bare_, BareSender::start(plan_.watchers, plan_.bare_frame_bytes));
      for (const int descriptor : bare_->take_receivers()) streams_.emplace_back(descriptor);
    }
    while (streams_.size() < plan_.watchers) {
      RSTMDB_ASSIGN(Stream stream, Stream::watch(plan_.writers.address, plan_.params));
      streams_.push_back(std::move(stream));
    }
    first_offset_ = streams_.front().next_offset();
    for (size_t i = 0; i < streams_.size(); ++i) RSTMDB_TRY(add(streams_[i].descriptor(), i));
    if (bare_) return {};
    RSTMDB_ASSIGN(writers_, Writers::open(plan_.writers));
    for (size_t i = 0; i < writers_->count(); ++i)
      RSTMDB_TRY(add(writers_->descriptor(i), streams_.size() + i));
    return {};
  }

  Result<void> add(int descriptor, size_t number) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0) return {};
    return Error(Code::kInternalError, "epoll_ctl").with("errno", errno);
  }

  template <class Done>
  Result<void> turn(const Done& done) {
    std::array<epoll_event, kEventsMax> events;
    while (!done()) {
      if (writers_) RSTMDB_TRY(writers_->write(now_ns()));
      const int ready = ::epoll_wait(epoll_, events.data(), kEventsMax, 1);
      if (ready < 0 && errno != EINTR)
        return Error(Code::kInternalError, "epoll_wait").with("errno", errno);
      for (int i = 0; i < ready; ++i) {
        const size_t number = events[static_cast<size_t>(i)].data.u64;
        RSTMDB_TRY(number < streams_.size() ? streams_[number].receive()
                                            : writers_->receive(number - streams_.size()));
      }
    }
    return {};
  }

  /// Everything that was answered has been told to everybody.
  Result<void> settle() {
    writers_->stop();
    const int64_t until_ns = now_ns() + kSettleNs;
    RSTMDB_TRY(turn([&] {
      return now_ns() > until_ns ||
             (writers_->answered() == writers_->asked() && lag_of_last() == 0);
    }));
    if (lag_of_last() == 0) return {};
    return Error(Code::kInternalError, "somebody has not been told everything")
        .with("missing", lag_of_last());
  }

  /// How many writes have been answered that the last of all watchers has not been told.
  int64_t lag_of_last() const {
    if (!writers_) return 0;
    const auto last = std::ranges::min_element(streams_, {}, &Stream::next_offset);
    return static_cast<int64_t>(first_offset_ + writers_->answered()) -
           static_cast<int64_t>(last->next_offset());
  }

  Counts counts() const {
    Counts counts;
    counts.at_ns = now_ns();
    for (const Stream& stream : streams_) {
      counts.notifications += stream.notifications();
      counts.bytes += stream.bytes();
    }
    counts.writes = writers_ ? writers_->answered() : 0;
    counts.server_cpu = process_cpu_seconds(bare_ ? bare_->pid() : plan_.server_pid);
    counts.own_cpu = own_cpu_seconds();
    return counts;
  }

  void print(const Counts& from, const Counts& to, int64_t lag, double settle_seconds) {
    const double seconds = static_cast<double>(to.at_ns - from.at_ns) / 1e9;
    const double told =
        static_cast<double>(std::max<uint64_t>(to.notifications - from.notifications, 1));
    std::printf(
        "{\"watchers\":%u,\"bare\":%s,\"seconds\":%.3f,\"notifications_per_second\":%.0f,"
        "\"bytes_per_second\":%.0f,\"bytes_per_notification\":%.1f,\"writes_per_second\":%.0f,"
        "\"write_p50_us\":%.1f,\"write_p99_us\":%.1f,\"server_cpu_us_per_notification\":%.3f,"
        "\"server_cpu\":%.2f,\"own_cpu_us_per_notification\":%.3f,\"lag_at_end\":%lld,"
        "\"settle_seconds\":%.3f}\n",
        plan_.watchers, bare_ ? "true" : "false", seconds, told / seconds,
        static_cast<double>(to.bytes - from.bytes) / seconds,
        static_cast<double>(to.bytes - from.bytes) / told,
        static_cast<double>(to.writes - from.writes) / seconds,
        writers_ ? writers_->latencies().percentile_us(0.5) : 0,
        writers_ ? writers_->latencies().percentile_us(0.99) : 0,
        (to.server_cpu - from.server_cpu) * 1e6 / told, (to.server_cpu - from.server_cpu) / seconds,
        (to.own_cpu - from.own_cpu) * 1e6 / told, static_cast<long long>(lag), settle_seconds);
  }

  const Plan& plan_;
  int epoll_ = -1;
  std::optional<BareSender> bare_;
  std::vector<Stream> streams_;
  std::optional<Writers> writers_;
  uint64_t first_offset_ = 0;
};

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) {
  rstmdb::bench::Plan plan;
  plan.writers.address.host = "127.0.0.1";
  CLI::App cli("Watches everything while it writes; prints what it measured as one JSON object.",
               "rstmdb_fanout");
  cli.add_option("--host", plan.writers.address.host, "IPv4 address")->capture_default_str();
  cli.add_option("--port", plan.writers.address.port);
  cli.add_option("--watchers", plan.watchers)
      ->capture_default_str()
      ->check(CLI::Range(1u, 10'000u));
  cli.add_option("--params", plan.params, "of WATCH_ALL")->capture_default_str();
  cli.add_option("--rate", plan.writers.per_second, "writes each second; 0: as fast as possible")
      ->capture_default_str();
  cli.add_option("--connections", plan.writers.connections, "that write")->capture_default_str();
  cli.add_option("--pipelined", plan.writers.pipelined, "writes under way on each")
      ->capture_default_str();
  cli.add_option("--instances", plan.writers.instances, "how many there are")
      ->capture_default_str();
  cli.add_option("--warmup-ms", plan.warmup_ms)->capture_default_str();
  cli.add_option("--measured-ms", plan.measured_ms)->capture_default_str();
  cli.add_option("--pid", plan.server_pid, "process whose CPU time is measured");
  cli.add_option("--bare", plan.bare_frame_bytes,
                 "no server: frames of so many bytes from a loop that only sends");
  CLI11_PARSE(cli, argc, argv);
  const auto done = rstmdb::bench::FanOut(plan).run();
  if (done.ok()) return 0;
  std::fprintf(stderr, "rstmdb_fanout: %s\n", done.error().to_string().c_str());
  return 1;
}
