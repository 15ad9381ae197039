#include "load/load.h"

#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace rstmdb::bench {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int kEventsMax = 256;
constexpr int kWaitMs = 100;
constexpr int64_t kStallNs = 30'000 * kNsPerMs;  // without any answer

double own_cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// User and system time of the process, from its `stat` file; 0 without a process.
double cpu_seconds(int pid) {
  if (pid == 0) return 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  const size_t name_end = text.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

class Load {
 public:
  Load(const Plan& plan, Measured& measured) : plan_(plan), measured_(measured) {}
  ~Load() {
    if (epoll_ >= 0) ::close(epoll_);
  }

  Result<void> run() {
    RSTMDB_TRY(connect());
    RSTMDB_TRY(start());
    const int64_t start_ns = now_ns();
    RSTMDB_TRY(turn_until(start_ns + plan_.warmup_ms * kNsPerMs));
    measured_.latencies.clear();
    const double server_cpu = cpu_seconds(plan_.server_pid);
    const double own_cpu = own_cpu_seconds();
    const int64_t from_ns = now_ns();
    RSTMDB_TRY(turn_until(from_ns + plan_.measured_ms * kNsPerMs));
    measured_.seconds = static_cast<double>(now_ns() - from_ns) / 1e9;
    measured_.server_cpu_seconds = cpu_seconds(plan_.server_pid) - server_cpu;
    measured_.own_cpu_seconds = own_cpu_seconds() - own_cpu;
    measured_.requests = measured_.latencies.count();
    return {};
  }

 private:
  struct Lane {
    Connection connection;
    std::vector<int64_t> started_ns;  // of the request under way, by its id
    bool blocked = false;             // something waits to be sent
  };

  Result<void> connect() {
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return Error(Code::kInternalError, "epoll_create1").with("errno", errno);
    lanes_.reserve(plan_.connections);
    for (uint32_t i = 0; i < plan_.connections; ++i) {
      RSTMDB_ASSIGN(Connection connection, Connection::open(plan_.address));
      connection.set_nonblocking();
      lanes_.push_back({std::move(connection), std::vector<int64_t>(plan_.pipelined)});
      RSTMDB_TRY(watch(i, EPOLL_CTL_ADD, EPOLLIN));
    }
    return {};
  }

  Result<void> watch(uint32_t lane, int how, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = lane;
    if (::epoll_ctl(epoll_, how, lanes_[lane].connection.descriptor(), &event) == 0) return {};
    return Error(Code::kInternalError, "epoll_ctl").with("errno", errno);
  }

  Result<void> start() {
    for (uint32_t i = 0; i < lanes_.size(); ++i) {
      const int64_t at_ns = now_ns();
      for (uint32_t id = 0; id < plan_.pipelined; ++id) ask(lanes_[i], id, at_ns);
      RSTMDB_TRY(send(i));
    }
    return {};
  }

  void ask(Lane& lane, uint32_t id, int64_t at_ns) {
    // Xorshift: the sender must cost less than the server.
    chance_ ^= chance_ << 13;
    chance_ ^= chance_ >> 7;
    chance_ ^= chance_ << 17;
    const auto instance = static_cast<uint32_t>((chance_ >> 32) % plan_.instances);
    append_request(lane.connection.out(), plan_.operation, id, instance, ++number_);
    lane.started_ns[id] = at_ns;
  }

  Result<void> send(uint32_t index) {
    Lane& lane = lanes_[index];
    RSTMDB_ASSIGN(const bool all, lane.connection.send());
    if (lane.blocked == !all) return {};
    lane.blocked = !all;
    return watch(index, EPOLL_CTL_MOD, all ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }

  Result<void> turn_until(int64_t end_ns) {
    std::array<epoll_event, kEventsMax> events;
    int64_t answered_ns = now_ns();
    while (now_ns() < end_ns) {
      const int ready = ::epoll_wait(epoll_, events.data(), kEventsMax, kWaitMs);
      if (ready < 0 && errno != EINTR)
        return Error(Code::kInternalError, "epoll_wait").with("errno", errno);
      for (int i = 0; i < ready; ++i) RSTMDB_TRY(handle(events[static_cast<size_t>(i)]));
      if (ready > 0) answered_ns = now_ns();
      if (now_ns() - answered_ns > kStallNs)
        return Error(Code::kInternalError, "the server has stopped answering");
    }
    return {};
  }

  Result<void> handle(const epoll_event& event) {
    const uint32_t index = event.data.u32;
    Lane& lane = lanes_[index];
    if ((event.events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
      RSTMDB_ASSIGN(const size_t size, lane.connection.receive());
      if (size > 0) RSTMDB_TRY(take_answers(lane));
    }
    return send(index);
  }

  Result<void> take_answers(Lane& lane) {
    const int64_t at_ns = now_ns();
    while (true) {
      RSTMDB_ASSIGN(const std::string_view answer, lane.connection.next_answer());
      if (answer.empty()) return {};
      RSTMDB_ASSIGN(const uint32_t id, answered_id(answer));
      if (id >= lane.started_ns.size())
        return Error(Code::kInternalError, "an answer nobody asked for").with("answer", answer);
      measured_.latencies.record(at_ns - lane.started_ns[id]);
      ask(lane, id, at_ns);
    }
  }

  const Plan& plan_;
  Measured& measured_;
  int epoll_ = -1;
  std::vector<Lane> lanes_;
  uint64_t chance_ = 0x9e3779b97f4a7c15;
  uint32_t number_ = 0;
};

}  // namespace

Result<void> run_load(const Plan& plan, Measured& measured) { return Load(plan, measured).run(); }

}  // namespace rstmdb::bench
