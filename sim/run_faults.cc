// What goes wrong in a run beside the ends of the server's lives.
#include <algorithm>
#include <cerrno>

#include "run.h"

namespace rstmdb::sim {
namespace {

constexpr uint64_t kCopies = 3;
constexpr uint64_t kRoomBytes = UINT64_MAX / 2;
constexpr int64_t kJumpsMaxMs = int64_t{6} * 3'600'000;  // in all: no key expires by them

}  // namespace

void Run::choose_faults() {
  if (dice_.percent(swarm_.disk_error_percent)) choose_disk_error();
  if (dice_.percent(swarm_.bit_flip_percent)) choose_flip();
}

void Run::choose_disk_error() {
  using Call = io::SimulatedFileSystem::Call;
  using Fault = io::SimulatedFileSystem::Fault;
  static constexpr Call kCalls[] = {Call::kAny,    Call::kOpen,       Call::kRead,
                                    Call::kWrite,  Call::kSync,       Call::kRename,
                                    Call::kRemove, Call::kSyncFolder, Call::kStatus,
                                    Call::kList,   Call::kTruncate,   Call::kAllocate};
  static constexpr int kNumbers[] = {EIO, EIO, ENOSPC, EROFS, ENOMEM};
  Fault fault;
  fault.call = dice_.pick(kCalls);
  fault.nth = dice_.between(1, dice_.percent(50) ? 30 : 400);
  fault.error_number = dice_.pick(kNumbers);
  if (dice_.percent(30)) fault.repeat = Fault::Repeat::kForGood;
  if (fault.call == Call::kWrite && dice_.percent(50)) fault.effect = Fault::Effect::kPartial;
  if (fault.call == Call::kSync && dice_.percent(50)) {
    // Reads go on showing what the disk does not have: only a power cut tells the truth.
    fault.effect = Fault::Effect::kPagesDropped;
    must_cut_ = true;
  }
  if (fault.effect == Fault::Effect::kNothing && dice_.percent(25))
    fault.effect = Fault::Effect::kDone;
  trace_.note("fault", static_cast<uint64_t>(fault.call), fault.nth);
  disk_.inject(fault);
  disk_may_fail_ = true;
}

/// A bit of a file that is no longer written: a sealed segment or a snapshot. (A bit of the last
/// flush is not told from a flush that a crash cut short.)
void Run::choose_flip() {
  std::vector<std::string> paths;
  std::string newest;
  for (const std::string& path : disk_.paths()) {
    if (path.ends_with(".snap")) paths.push_back(path);
    if (!path.ends_with(".seg")) continue;
    if (!newest.empty()) paths.push_back(newest);
    newest = path;
  }
  if (paths.empty()) return;
  const std::string& path = dice_.pick(paths);
  const uint64_t size = disk_.content(path).size();
  if (size == 0) return;
  const uint64_t byte = dice_.below(size);
  trace_.note("flip", byte, 0, path);
  disk_.flip_on_read(path, byte, static_cast<unsigned>(dice_.below(8)));
  disk_may_fail_ = true;
}

void Run::fill_disk() {
  Excuses excuses = oracle_.excuses();
  excuses.refuses = excuses.log_stops = true;
  oracle_.excuse(excuses);
  const auto begin_ms = static_cast<int64_t>(dice_.below(swarm_.life_ms_max));
  const uint64_t free_bytes = dice_.below(8 * 1024 * 1024);
  loop_.run_after(begin_ms, [this, free_bytes] {
    trace_.note("disk full", free_bytes);
    disk_.set_free_bytes(free_bytes);
  });
  loop_.run_after(begin_ms + static_cast<int64_t>(dice_.below(30'000)), [this] {
    trace_.note("disk free");
    disk_.set_free_bytes(kRoomBytes);
  });
}

/// The process uses what it may for a while, then a little less, at which growth is still refused,
/// then half.
void Run::fill_memory() {
  constexpr uint64_t kBound = Machine::kMemoryMb * 1024 * 1024;
  const auto use = [this](uint64_t bytes) {
    Excuses excuses = oracle_.excuses();
    const bool full = bytes > kBound / 2;
    if (full != excuses.memory_full) {
      excuses.memory_full = full;
      excuses.memory_since_ms = now_ms();
      oracle_.excuse(excuses);
    }
    trace_.note("memory", bytes);
    machine_.memory().use(bytes);
  };
  const auto begin_ms = static_cast<int64_t>(dice_.below(swarm_.life_ms_max));
  const auto half_ms = static_cast<int64_t>(dice_.below(30'000));
  loop_.run_after(begin_ms, [use] { use(kBound); });
  loop_.run_after(begin_ms + half_ms, [use] { use(kBound - 1); });
  loop_.run_after(begin_ms + 2 * half_ms, [use] { use(kBound / 2); });
}

void Run::jump_clock() {
  if (swarm_.jump_ms_max == 0) return;
  loop_.run_after(static_cast<int64_t>(dice_.below(60'000)), [this] {
    const auto size = static_cast<int64_t>(dice_.below(swarm_.jump_ms_max));
    const int64_t by = dice_.percent(50) ? size : -size;
    if (std::abs(jumped_ms_ + by) < kJumpsMaxMs) {
      jumped_ms_ += by;
      clock_.jump_wall(by);
      trace_.note("jump", static_cast<uint64_t>(by));
    }
    jump_clock();
  });
}

/// Copies of the disk after a clean end, each with one bit of one file inverted: a start refuses,
/// or comes to the very same state.
void Run::damage_copies() {
  if (swarm_.bit_flip_percent == 0) return;
  for (uint64_t copy = 0; copy < kCopies; ++copy) damage_copy();
}

void Run::damage_copy() {
  auto copy = disk_.clone();
  std::vector<std::string> paths;
  for (const std::string& path : copy->paths())
    if (!copy->content(path).empty()) paths.push_back(path);
  const std::string& path = dice_.pick(paths);
  std::string bytes = copy->content(path);
  // Most of a segment may be zeros that nobody reads.
  const uint64_t used = bytes.find_last_not_of('\0') + 1;
  const uint64_t byte = dice_.below(std::max<uint64_t>(used, 1));
  bytes[byte] = static_cast<char>(bytes[byte] ^ (1 << dice_.below(8)));
  copy->put(path, bytes);
  trace_.note("damage", byte, used, path);
  Machine other({.seed = options_.seed + 5,
                 .swarm = swarm_,
                 .loop = loop_,
                 .clock = clock_,
                 .net = net_,
                 .disk = *copy,
                 .trace = trace_});
  const Result<void> started = other.start();
  findings_.check(Rule::kDamageFound, true, [] { return std::string(); });
  if (!started.ok()) {
    const Error& error = started.error();
    findings_.check(Rule::kDamageFound,
                    !error.detail("file").empty() || !error.detail("path").empty(),
                    [&] { return "refused without a place: " + error.to_string(); });
    return;
  }
  const engine::State& state = other.database().node().state();
  findings_.check(
      Rule::kDamageFound,
      state.hash() == final_hash_ && state.last_offset() == oracle_.last_offset(), [&] {
        return "byte " + std::to_string(byte) + " of " + path +
               " was damaged and the server has started with another state, at offset " +
               std::to_string(state.last_offset()) + " instead of " +
               std::to_string(oracle_.last_offset());
      });
}

}  // namespace rstmdb::sim
