// The contract against each implementation.
#include "log/log_contract.h"

#include "io/simulated_file_system.h"
#include "log/log_contract_reading.h"
#include "log/memory_log.h"

namespace rstmdb::log {
namespace {

class MemoryHarness final : public LogHarness {
 public:
  std::unique_ptr<Log> make() override {
    auto log = std::make_unique<MemoryLog>(MemoryLog::Commit::kWhenTold);
    log_ = log.get();
    return log;
  }
  void settle() override { log_->commit_flushed(); }

 private:
  MemoryLog* log_ = nullptr;
};

class SegmentHarness : public LogHarness {
 public:
  std::unique_ptr<Log> make() override {
    bench_.segment_bytes = 2048;
    return bench_.open_well();
  }
  void settle() override {
    bench_.worker.run_jobs();
    bench_.loop.run_posted();
  }

 protected:
  explicit SegmentHarness(io::FileSystem& files, const std::string& folder)
      : bench_(files, folder) {}
  LogBench bench_;
};

struct Temporary {
  TemporaryFolder folder;
};
class PosixHarness final : private Temporary, public SegmentHarness {
 public:
  PosixHarness() : SegmentHarness(io::system_file_system(), folder.path() + "/log") {}
};

struct Simulated {
  io::SimulatedFileSystem files;
};
class SimulatedHarness : private Simulated, public SegmentHarness {
 public:
  SimulatedHarness() : SegmentHarness(files, "/data/log") {
    // Time passes in a sync, so that all but the first few flushes count as slow.
    files.before_each_call([this](io::SimulatedFileSystem::Call call, const std::string&) {
      if (call == io::SimulatedFileSystem::Call::kSync) bench_.clock.now_ns += sync_ns;
    });
  }
  ~SimulatedHarness() override { files.before_each_call({}); }

 protected:
  int64_t sync_ns = 100'000;
};

class SlowDiskHarness final : public SimulatedHarness {
 public:
  SlowDiskHarness() { sync_ns = 30'000'000; }
};

template <class Harness>
LogKind kind(std::string name) {
  return {std::move(name), [] { return std::make_unique<Harness>(); }};
}

INSTANTIATE_TEST_SUITE_P(Every, LogContract,
                         ::testing::Values(kind<MemoryHarness>("memory"),
                                           kind<PosixHarness>("posix"),
                                           kind<SimulatedHarness>("simulated"),
                                           kind<SlowDiskHarness>("slow_disk")),
                         [](const auto& tested) { return tested.param.name; });

TEST(MemoryLog, that_has_failed_takes_nothing_more_and_says_why) {
  MemoryLog log(MemoryLog::Commit::kAtFlush);
  RememberingListener listener;
  log.set_listener(listener);
  ASSERT_TRUE(append_one(log).ok());
  log.fail(Error(Code::kWalIoError, "the first"));
  log.fail(Error(Code::kWalIoError, "the second"));
  EXPECT_EQ(listener.failures, 1);
  log.flush();
  EXPECT_EQ(log.committed(), 0u);
  for (const auto& refused : {append_one(log), log.close()}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), Code::kWalIoError);
    EXPECT_EQ(refused.error().message(), "the first");
  }
}

}  // namespace
}  // namespace rstmdb::log
