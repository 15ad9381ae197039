#include "load/load.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <deque>
#include <vector>

#include "load/cpu.h"
#include "load/schedule.h"

namespace rstmdb::bench {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kNsPerSecond = 1'000'000'000;
constexpr int kEventsMax = 256;
constexpr int64_t kWaitNs = 100 * kNsPerMs;
constexpr int64_t kStallNs = 30'000 * kNsPerMs;  // without any answer

class Load {
 public:
  Load(const Plan& plan, Protocol& protocol, Measured& measured)
      : plan_(plan), protocol_(protocol), measured_(measured) {}
  ~Load() {
    if (epoll_ >= 0) ::close(epoll_);
  }

  Result<void> run() {
    RSTMDB_TRY(connect());
    const int64_t start_ns = now_ns();
    schedule_ = Schedule(start_ns, std::max(plan_.rate, 1.0));
    if (plan_.rate == 0) RSTMDB_TRY(fill_up());
    RSTMDB_TRY(turn_until(start_ns + plan_.warmup_ms * kNsPerMs));
    measured_.latencies.clear();
    const uint64_t counted = counter();
    const double server_cpu = process_cpu_seconds(plan_.server_pid);
    const double own_cpu = own_cpu_seconds();
    const int64_t from_ns = now_ns();
    if (plan_.rate > 0) counted_from_ns_ = from_ns;
    const int64_t end_ns = from_ns + plan_.measured_ms * kNsPerMs;
    RSTMDB_TRY(turn_until(end_ns));
    measured_.seconds = static_cast<double>(now_ns() - from_ns) / 1e9;
    measured_.server_cpu_seconds = process_cpu_seconds(plan_.server_pid) - server_cpu;
    measured_.own_cpu_seconds = own_cpu_seconds() - own_cpu;
    measured_.requests = measured_.latencies.count();
    measured_.counted = counter() - counted;
    if (plan_.rate > 0) RSTMDB_TRY(finish(end_ns));
    return {};
  }

 private:
  struct Lane {
    Connection connection;
    std::vector<int64_t> started_ns;  // of the request under way, by its slot
    std::deque<uint32_t> order;       // slots under way, for protocols without ids
    bool blocked = false;             // something waits to be sent
    bool touched = false;             // open loop: in touched_
  };
  struct Place {
    uint32_t lane;
    uint32_t slot;
  };

  Result<void> connect() {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // or each wait would be 50 µs longer than it should
    epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll_ < 0) return call_failed("epoll_create1");
    lanes_.reserve(plan_.connections);
    for (uint32_t i = 0; i < plan_.connections; ++i) {
      RSTMDB_ASSIGN(Connection connection, Connection::open(plan_.address));
      RSTMDB_TRY(protocol_.greet(connection));
      connection.set_nonblocking();
      lanes_.push_back({.connection = std::move(connection),
                        .started_ns = std::vector<int64_t>(plan_.pipelined),
                        .order = {}});
      RSTMDB_TRY(watch(i, EPOLL_CTL_ADD, EPOLLIN));
    }
    for (uint32_t slot = 0; slot < plan_.pipelined; ++slot)
      for (uint32_t lane = 0; lane < plan_.connections; ++lane) free_.push_back({lane, slot});
    return {};
  }

  Result<void> watch(uint32_t lane, int how, uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = lane;
    if (::epoll_ctl(epoll_, how, lanes_[lane].connection.descriptor(), &event) == 0) return {};
    return call_failed("epoll_ctl");
  }

  uint64_t counter() const { return plan_.counter == nullptr ? 0 : plan_.counter->load(); }

  Result<void> fill_up() {
    free_.clear();
    for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
      for (uint32_t slot = 0; slot < plan_.pipelined; ++slot) {
        ask({lane, slot}, now_ns());
        if ((slot + 1) % plan_.group == 0) protocol_.end_group(lanes_[lane].connection.out());
      }
      RSTMDB_TRY(send(lane));
    }
    return {};
  }

  uint32_t chance_below(uint32_t end) {
    // Xorshift: the sender must cost less than the server.
    chance_ ^= chance_ << 13;
    chance_ ^= chance_ >> 7;
    chance_ ^= chance_ << 17;
    return static_cast<uint32_t>(((chance_ >> 32) * end) >> 32);
  }

  Operation pick() {
    if (plan_.percent[0] == 100) return Operation::kApplyEvent;
    uint32_t left = chance_below(100);
    size_t operation = 0;
    for (; left >= plan_.percent[operation]; ++operation) left -= plan_.percent[operation];
    return static_cast<Operation>(operation);
  }

  uint32_t pick_instance(uint32_t lane) {
    if (plan_.group == 1) return chance_below(plan_.instances);
    return chance_below(plan_.instances / plan_.connections) * plan_.connections + lane;
  }

  void ask(Place place, int64_t at_ns) {
    Lane& lane = lanes_[place.lane];
    const Operation operation = pick();
    const uint32_t instance =
        operation == Operation::kCreateInstance ? created_++ : pick_instance(place.lane);
    protocol_.append(
        lane.connection.out(),
        {.operation = operation, .slot = place.slot, .instance = instance, .number = ++number_});
    lane.started_ns[place.slot] = at_ns;
    if (in_order_) lane.order.push_back(place.slot);
  }

  Result<void> send(uint32_t index) {
    Lane& lane = lanes_[index];
    RSTMDB_ASSIGN(const bool all, lane.connection.send());
    if (lane.blocked == !all) return {};
    lane.blocked = !all;
    return watch(index, EPOLL_CTL_MOD, all ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }

  Result<void> turn_until(int64_t end_ns) {
    answered_ns_ = now_ns();
    asking_until_ns_ = end_ns;
    while (now_ns() < end_ns) {
      if (plan_.rate > 0) RSTMDB_TRY(ask_what_is_due());
      RSTMDB_TRY(turn(end_ns));
    }
    return {};
  }

  Result<void> turn(int64_t end_ns) {
    std::array<epoll_event, kEventsMax> events;
    const int64_t now = now_ns();
    int64_t wait_ns = std::clamp<int64_t>(end_ns - now, 0, kWaitNs);
    if (!free_.empty() && schedule_.due_ns() < asking_until_ns_)
      wait_ns = std::clamp<int64_t>(schedule_.due_ns() - now, 0, wait_ns);
    const timespec wait = {.tv_sec = wait_ns / kNsPerSecond, .tv_nsec = wait_ns % kNsPerSecond};
    const int ready = ::epoll_pwait2(epoll_, events.data(), kEventsMax, &wait, nullptr);
    if (ready < 0 && errno != EINTR) return call_failed("epoll_pwait2");
    for (int i = 0; i < ready; ++i) RSTMDB_TRY(handle(events[static_cast<size_t>(i)]));
    if (ready > 0 || under_way() == 0) answered_ns_ = now_ns();
    if (now_ns() - answered_ns_ > kStallNs)
      return Error(Code::kInternalError, "the server has stopped answering");
    return {};
  }

  Result<void> handle(const epoll_event& event) {
    const uint32_t index = event.data.u32;
    if ((event.events & ~static_cast<uint32_t>(EPOLLOUT)) != 0) {
      RSTMDB_ASSIGN(const size_t size, lanes_[index].connection.receive());
      if (size > 0) RSTMDB_TRY(take_answers(index));
    }
    return send(index);
  }

  Result<void> take_answers(uint32_t index) {
    Lane& lane = lanes_[index];
    const int64_t at_ns = now_ns();
    while (true) {
      RSTMDB_ASSIGN(const Answer answer, protocol_.read(lane.connection.input()));
      if (answer.size == 0) return {};
      lane.connection.drop(answer.size);
      for (uint32_t i = 0; i < answer.count; ++i) RSTMDB_TRY(answered(index, answer, at_ns));
      if (plan_.rate == 0) protocol_.end_group(lane.connection.out());
    }
  }

  Result<void> answered(uint32_t index, const Answer& answer, int64_t at_ns) {
    RSTMDB_ASSIGN(const uint32_t slot, slot_of(lanes_[index], answer));
    const int64_t started_ns = lanes_[index].started_ns[slot];
    if (started_ns >= counted_from_ns_) measured_.latencies.record(at_ns - started_ns);
    if (plan_.rate > 0) {
      free_.push_back({index, slot});
    } else {
      ask({index, slot}, at_ns);
    }
    return {};
  }

  Result<uint32_t> slot_of(Lane& lane, const Answer& answer) {
    if (!in_order_) {
      if (answer.slot < lane.started_ns.size()) return answer.slot;
    } else if (!lane.order.empty()) {
      const uint32_t slot = lane.order.front();
      lane.order.pop_front();
      return slot;
    }
    return Error(Code::kInternalError, "an answer that nobody asked for");
  }

  // --- open loop ---

  size_t under_way() const { return lanes_.size() * plan_.pipelined - free_.size(); }

  /// Sends what is due now, as far as there are free places.
  Result<void> ask_what_is_due() {
    const int64_t until_ns = std::min(now_ns(), asking_until_ns_ - 1);
    while (!free_.empty() && schedule_.due_ns() <= until_ns) {
      const Place place = free_.front();
      free_.pop_front();
      ask(place, schedule_.due_ns());
      protocol_.end_group(lanes_[place.lane].connection.out());
      schedule_.take();
      if (!std::exchange(lanes_[place.lane].touched, true)) touched_.push_back(place.lane);
    }
    for (const uint32_t lane : touched_) {
      lanes_[lane].touched = false;
      RSTMDB_TRY(send(lane));
    }
    touched_.clear();
    return {};
  }

  /// Sends what was due before `end_ns` and waits for every answer.
  Result<void> finish(int64_t end_ns) {
    const uint64_t sent = schedule_.taken();
    while (schedule_.due_ns() < end_ns || under_way() > 0) {
      RSTMDB_TRY(ask_what_is_due());
      RSTMDB_TRY(turn(now_ns() + kWaitNs));
    }
    measured_.late = schedule_.taken() - sent;
    return {};
  }

  const Plan& plan_;
  Protocol& protocol_;
  Measured& measured_;
  int epoll_ = -1;
  std::vector<Lane> lanes_;
  std::deque<Place> free_;
  std::vector<uint32_t> touched_;
  Schedule schedule_{0, 1};
  const bool in_order_ = protocol_.in_order();
  int64_t counted_from_ns_ = INT64_MIN;
  int64_t asking_until_ns_ = 0;  // open loop: what is due later is not asked
  int64_t answered_ns_ = 0;
  uint64_t chance_ = 0x9e3779b97f4a7c15;
  uint32_t number_ = 0;
  uint32_t created_ = 0;
};

}  // namespace

Result<void> run_load(const Plan& plan, Protocol& protocol, Measured& measured) {
  return Load(plan, protocol, measured).run();
}

}  // namespace rstmdb::bench
