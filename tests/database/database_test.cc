#include "app/database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>

#include "base/logging.h"
#include "io/simulated_file_system.h"
#include "simulated_process.h"

namespace rstmdb::app {
namespace {

using io::SimulatedFileSystem;
using testing::HasSubstr;

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() { set_logging(Level::kError, LogFormat::kJson); }
  SimulatedFileSystem files_;
};

TEST_F(DatabaseTest, AKillLosesNothingAcknowledged) {
  Hash128 before;
  {
    Process process(files_);
    ASSERT_TRUE(process.open().ok());
    auto client = process.connect();
    client->send("1", "PUT_MACHINE", kMachine);
    client->send("2", "CREATE_INSTANCE",
                 R"({"machine":"m","version":1,"id":"i","context":{"n":9007199254740993}})");
    client->send("3", "APPLY_EVENT", R"({"id":"i","event":"GO","payload":{"x":0.10}})");
    for (int i = 0; i < 3; ++i) EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
    before = process.state_hash();
    files_.kill();
  }
  Process process(files_, 2);
  ASSERT_TRUE(process.open().ok());
  EXPECT_EQ(process.state_hash(), before);
  auto client = process.connect();
  client->send("g", "GET_INSTANCE", R"({"id":"i"})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("ctx":{"n":9007199254740993,"x":0.10})"));
}

TEST_F(DatabaseTest, StoppingIsCleanAndLeavesNothingTorn) {
  Hash128 before;
  {
    Process process(files_);
    ASSERT_TRUE(process.open().ok());
    auto client = process.connect();
    client->send("1", "PUT_MACHINE", kMachine);
    EXPECT_NE(client->answer(), "");
    before = process.state_hash();
    EXPECT_TRUE(process.stop());
  }
  const size_t files = files_.paths().size();
  Process process(files_, 2);
  ASSERT_TRUE(process.open().ok());
  EXPECT_EQ(process.state_hash(), before);
  EXPECT_EQ(files_.paths().size(), files) << "a torn tail was saved after a clean end";
}

TEST_F(DatabaseTest, OneProcessPerFolder) {
  Process first(files_);
  ASSERT_TRUE(first.open().ok());
  Process second(files_, 2);
  const auto opened = second.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), Code::kConflict);
}

TEST_F(DatabaseTest, DamageInTheMiddleRefusesTheStartAndNamesThePlace) {
  {
    Process process(files_);
    ASSERT_TRUE(process.open().ok());
    auto client = process.connect();
    client->send("1", "PUT_MACHINE", kMachine);
    EXPECT_NE(client->answer(), "");
    ASSERT_TRUE(process.stop());
  }
  for (const std::string& path : files_.paths()) {
    if (!path.ends_with(".seg")) continue;
    std::string bytes = files_.content(path);
    const size_t inside = bytes.find("initial");
    if (inside == std::string::npos) continue;
    bytes[inside] ^= 1;
    files_.put(path, bytes);
    Process process(files_, 2);
    const auto opened = process.open();
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().detail("code"), "LOG_DAMAGED");
    EXPECT_EQ(opened.error().detail("file"), path);
    EXPECT_GE(opened.error().detail_number("byte", -1), 0);
    return;
  }
  FAIL() << "no segment holds the definition";
}

TEST_F(DatabaseTest, AWatcherThatReadsADamagedLogIsToldAndSentAway) {
  Process process(files_);
  ASSERT_TRUE(process.open().ok());
  auto client = process.connect();
  client->send("1", "PUT_MACHINE", kMachine);
  client->send("2", "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"i"})");
  client->send("3", "APPLY_EVENT", R"({"id":"i","event":"GO"})");
  client->send("4", "APPLY_EVENT", R"({"id":"i","event":"GO","payload":{"mark":"damage"}})");
  for (int i = 0; i < 4; ++i) EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
  for (const std::string& path : files_.paths()) {
    const size_t inside = files_.content(path).find("damage");
    if (inside != std::string::npos) files_.flip_on_read(path, inside, 0);
  }
  auto watcher = process.connect();
  watcher->send("w", "WATCH_ALL", R"({"from_offset":1})");
  EXPECT_THAT(watcher->answer(), HasSubstr("subscription_id"));
  std::string last = watcher->answer();
  // Whether it is told of what stands before the damage depends on what one check covers.
  while (last.find(R"("type":"event")") != std::string::npos) {
    EXPECT_THAT(last, HasSubstr(R"("wal_offset":3)"));
    last = watcher->answer();
  }
  EXPECT_THAT(last, HasSubstr(R"("id":"","status":"error","error":{"code":"WAL_IO_ERROR")"));
  EXPECT_THAT(last, HasSubstr("LOG_DAMAGED"));
  EXPECT_THAT(last, testing::Not(HasSubstr("/data")));
  EXPECT_TRUE(watcher->ended());
  EXPECT_EQ(process.hub().stats().all_active, 0u);
  // Who does not read the past is not affected.
  auto live = process.connect();
  live->send("w", "WATCH_ALL");
  EXPECT_THAT(live->answer(), HasSubstr("subscription_id"));
  client->send("5", "APPLY_EVENT", R"({"id":"i","event":"GO"})");
  EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
  EXPECT_THAT(live->answer(), HasSubstr(R"("wal_offset":5)"));
}

TEST_F(DatabaseTest, NobodyIsToldOfWhatAPowerCutUndoes) {
  uint64_t told = 0;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedFileSystem disk;
    std::vector<std::string> offsets;
    {
      Process process(disk, seed);
      ASSERT_TRUE(process.open().ok());
      auto client = process.connect();
      auto watcher = process.connect();
      watcher->send("w", "WATCH_ALL", R"({"kinds":["create","transition"]})");
      client->send("1", "PUT_MACHINE", kMachine);
      client->send("2", "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"i"})");
      for (uint64_t i = 0; i < seed % 13; ++i) {
        client->send("3", "APPLY_EVENT", R"({"id":"i","event":"GO"})");
      }
      for (uint64_t i = 0; i < 2 + seed % 7; ++i) client->answer();
      disk.power_cut(seed);
      while (watcher->has_answer()) offsets.push_back(watcher->answer());
    }
    Process process(disk, seed + 1'000);
    ASSERT_TRUE(process.open().ok());
    for (const std::string& event : offsets) {
      const std::string_view mark = "\"wal_offset\":";
      const uint64_t offset = std::stoull(event.substr(event.find(mark) + mark.size()));
      ASSERT_LE(offset, process.state().last_offset()) << "seed " << seed << ": " << event;
      ++told;
    }
  }
  EXPECT_GT(told, 300u);
}

/// Sends writes one after the other and notes what was acknowledged, until one is not.
std::map<std::string, uint64_t> write_some(Process& process, int count) {
  std::map<std::string, uint64_t> acknowledged;
  auto client = process.connect();
  client->send("p", "PUT_MACHINE", kMachine);
  if (client->answer().find("\"ok\"") == std::string::npos) return acknowledged;
  for (int i = 0; i < count; ++i) {
    const std::string id = "i" + std::to_string(i);
    client->send(id, "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":")" + id + "\"}");
    const std::string answer = client->answer();
    if (answer.find("\"ok\"") == std::string::npos) break;
    const std::string_view mark = "\"wal_offset\":";
    acknowledged[id] = std::stoull(answer.substr(answer.find(mark) + mark.size()));
  }
  return acknowledged;
}

void expect_all(const engine::State& state, const std::map<std::string, uint64_t>& acknowledged,
                const std::string& context) {
  for (const auto& [id, offset] : acknowledged) {
    const auto slot = state.instances().find(id);
    ASSERT_TRUE(slot.has_value()) << id << " is lost: " << context;
    EXPECT_EQ(state.instances().at(*slot).last_offset, offset) << context;
  }
}

TEST_F(DatabaseTest, APowerCutAnywhereLosesNothingAcknowledged) {
  constexpr uint64_t kSeeds = 300;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SimulatedFileSystem disk;
    std::map<std::string, uint64_t> acknowledged;
    {
      Process process(disk, seed);
      ASSERT_TRUE(process.open().ok());
      acknowledged = write_some(process, static_cast<int>(seed % 17));
      // Something more is under way when the light goes out.
      auto client = process.connect();
      client->send("late", "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"late"})");
      disk.power_cut(seed);
    }
    Process process(disk, seed + kSeeds);
    const auto opened = process.open();
    ASSERT_TRUE(opened.ok()) << "seed " << seed << ": " << opened.error().to_string();
    expect_all(process.state(), acknowledged, "seed " + std::to_string(seed));
    EXPECT_EQ(process.state().hash(), process.state().hash_by_walk());
  }
}

TEST_F(DatabaseTest, WhicheverFileCallFailsNothingAcknowledgedIsLost) {
  for (const auto repeat :
       {SimulatedFileSystem::Fault::Repeat::kOnce, SimulatedFileSystem::Fault::Repeat::kForGood}) {
    uint64_t faults = 0;
    for (uint64_t nth = 1;; ++nth) {
      SimulatedFileSystem disk;
      disk.inject({.nth = nth, .error_number = EIO, .repeat = repeat});
      std::map<std::string, uint64_t> acknowledged;
      {
        Process process(disk, nth);
        if (process.open().ok()) {
          acknowledged = write_some(process, 6);
          process.stop();
        }
      }
      const bool struck = disk.calls() >= nth;
      disk.clear_faults();
      disk.kill();
      Process process(disk, nth + 1000);
      const auto opened = process.open();
      ASSERT_TRUE(opened.ok()) << "call " << nth << ": " << opened.error().to_string();
      expect_all(process.state(), acknowledged, "call " + std::to_string(nth));
      if (!struck) break;
      ++faults;
    }
    EXPECT_GT(faults, 20u);
  }
}

// ---- the disk reserve

constexpr uint64_t kMiB = 1024 * 1024;

TEST_F(DatabaseTest, BelowTheReserveWritesAreRefusedAndReadsGoOnUntilThereIsRoomAgain) {
  config::Config config = settings();
  config.storage.min_free_mb = 100;
  Process process(files_);
  files_.set_free_bytes(200 * kMiB);
  ASSERT_TRUE(process.open(config).ok());
  auto client = process.connect();
  client->send("1", "PUT_MACHINE", kMachine);
  client->send("2", "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"i"})");
  for (int i = 0; i < 2; ++i) EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));

  files_.set_free_bytes(100 * kMiB - 1);
  process.run_for(limits::kDiskLookMs + 1);
  EXPECT_TRUE(process.node().reserve().stats().refusing);
  const uint64_t head = process.node().head();
  for (const auto& [op, params] : std::map<std::string, std::string>{
           {"PUT_MACHINE", std::string(kMachine)},
           {"CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"j"})"},
           {"APPLY_EVENT", R"({"id":"i","event":"GO"})"},
           {"DELETE_INSTANCE", R"({"id":"i"})"},
           {"BATCH", R"({"mode":"atomic","ops":[{"op":"DELETE_INSTANCE","params":{"id":"i"}}]})"},
           {"BATCH",
            R"({"mode":"best_effort","ops":[{"op":"DELETE_INSTANCE","params":{"id":"i"}}]})"},
       }) {
    client->send("w", op, params);
    const std::string answer = client->answer();
    EXPECT_THAT(answer, HasSubstr("RATE_LIMITED")) << op;
    EXPECT_THAT(answer, HasSubstr(R"("code":"DISK_RESERVE")")) << op;
    EXPECT_THAT(answer, HasSubstr(R"("free_bytes":104857599)")) << op;
    EXPECT_THAT(answer, HasSubstr(R"("reserve_bytes":104857600)")) << op;
  }
  EXPECT_EQ(process.node().head(), head) << "nothing has happened";
  client->send("r", "GET_INSTANCE", R"({"id":"i"})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("state":"a")"));
  client->send("l", "WAL_READ", R"({"from_offset":1})");
  EXPECT_THAT(client->answer(), HasSubstr("create_instance"));

  files_.set_free_bytes(110 * kMiB - 1);
  process.run_for(limits::kDiskLookMs + 1);
  client->send("w", "APPLY_EVENT", R"({"id":"i","event":"GO"})");
  EXPECT_THAT(client->answer(), HasSubstr("DISK_RESERVE")) << "not at the border";
  files_.set_free_bytes(110 * kMiB);
  process.run_for(limits::kDiskLookMs + 1);
  client->send("w", "APPLY_EVENT", R"({"id":"i","event":"GO"})");
  EXPECT_THAT(client->answer(), HasSubstr(R"("to_state":"b")"));
  EXPECT_TRUE(process.stop());
}

TEST_F(DatabaseTest, AServerMayStartBelowItsReserveAndSaysSoToWrites) {
  config::Config config = settings();
  config.storage.min_free_mb = 100;
  files_.set_free_bytes(50 * kMiB);
  Process process(files_);
  ASSERT_TRUE(process.open(config).ok());
  auto client = process.connect();
  client->send("1", "PUT_MACHINE", kMachine);
  EXPECT_THAT(client->answer(), HasSubstr("DISK_RESERVE"));
  EXPECT_TRUE(process.stop()) << "the mark of a clean end is written all the same";
}

// Which may be another than that of the folder around it.
TEST_F(DatabaseTest, TheReserveIsThatOfTheLogsDisk) {
  using Fault = SimulatedFileSystem::Fault;
  files_.inject(
      Fault{.call = SimulatedFileSystem::Call::kFreeBytes, .repeat = Fault::Repeat::kForGood});
  Process process(files_);
  set_logging(Level::kWarn, LogFormat::kJson);
  testing::internal::CaptureStderr();
  EXPECT_TRUE(process.open(settings()).ok());
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_THAT(said, HasSubstr("the free space cannot be asked for"));
  EXPECT_THAT(said, HasSubstr(settings().storage.data_dir + "/wal"));
}

TEST_F(DatabaseTest, ANewSegmentIsAReasonToLookAtTheSpaceAtOnce) {
  config::Config config = settings();
  config.storage.min_free_mb = 100;
  Process process(files_);
  files_.set_free_bytes(101 * kMiB);
  ASSERT_TRUE(process.open(config).ok());
  auto client = process.connect();
  client->send("p", "PUT_MACHINE", kMachine);
  EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
  const std::string filling(300'000, 'x');
  int taken = 0;
  for (std::string answer = "\"ok\""; answer.find("\"ok\"") != std::string::npos && taken < 20;
       ++taken) {
    client->send("c", "CREATE_INSTANCE",
                 R"({"machine":"m","version":1,"context":{"f":")" + filling + "\"}}");
    answer = client->answer();
  }
  EXPECT_LT(taken, 10) << "refused within a segment or two, though no second has passed";
}

// ---- the bound of memory

TEST_F(DatabaseTest, AtTheBoundOfMemoryTheStateDoesNotGrowAndEverythingElseGoesOn) {
  config::Config config = settings();
  config.storage.max_memory_mb = 100;
  Process process(files_);
  process.set_memory(1'000 * kMiB, 50 * kMiB);
  ASSERT_TRUE(process.open(config).ok());
  auto client = process.connect();
  client->send("1", "PUT_MACHINE", kMachine);
  client->send("2", "CREATE_INSTANCE",
               R"({"machine":"m","version":1,"id":"i","initial_ctx":{"n":12345}})");
  client->send("3", "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"k"})");
  for (int i = 0; i < 3; ++i) EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));

  process.set_memory(1'000 * kMiB, 100 * kMiB);
  process.run_for(limits::kMemoryLookMs + 1);
  const uint64_t head = process.node().head();
  const std::string definition = R"("definition":{"states":["a"],"initial":"a","transitions":[]}})";
  const std::string longer = R"({"id":"i","event":"GO","payload":{"n":123456}})";
  for (const auto& [op, params] : std::vector<std::pair<std::string, std::string>>{
           {"PUT_MACHINE", R"({"machine":"m","version":2,)" + definition},
           {"CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"j"})"},
           {"APPLY_EVENT", longer},
           {"APPLY_EVENT", R"({"id":"i","event":"GO","event_id":"e-1"})"},
           {"BATCH", R"({"mode":"atomic","ops":[{"op":"APPLY_EVENT","params":)" + longer + "}]}"},
           {"BATCH",
            R"({"mode":"best_effort","ops":[{"op":"APPLY_EVENT","params":)" + longer + "}]}"},
       }) {
    client->send("w", op, params);
    const std::string answer = client->answer();
    EXPECT_THAT(answer, HasSubstr("RATE_LIMITED")) << op;
    EXPECT_THAT(answer, HasSubstr(R"("code":"MEMORY_LIMIT")")) << op;
    EXPECT_THAT(answer, HasSubstr(R"("used_bytes":104857600)")) << op;
    EXPECT_THAT(answer, HasSubstr(R"("limit_bytes":104857600)")) << op;
  }
  EXPECT_EQ(process.node().head(), head) << "nothing has happened";
  for (const auto& [op, params] : std::vector<std::pair<std::string, std::string>>{
           {"PUT_MACHINE", std::string(kMachine)},  // as it is
           {"APPLY_EVENT", R"({"id":"i","event":"GO"})"},
           {"APPLY_EVENT", R"({"id":"i","event":"GO","payload":{"n":54321}})"},
           {"APPLY_EVENT", R"({"id":"i","event":"GO","payload":{"n":1}})"},
           {"DELETE_INSTANCE", R"({"id":"k"})"},
           {"GET_INSTANCE", R"({"id":"i"})"},
       }) {
    client->send("w", op, params);
    EXPECT_THAT(client->answer(), HasSubstr("\"ok\"")) << op << params;
  }

  process.set_memory(1'000 * kMiB, 90 * kMiB);
  process.run_for(limits::kMemoryLookMs + 1);
  client->send("w", "APPLY_EVENT", longer);
  EXPECT_THAT(client->answer(), HasSubstr(R"("n":123456)"));
  EXPECT_TRUE(process.stop());
}

TEST_F(DatabaseTest, WhereATenthOfTheMemoryIsLittleMoreIsLeftForWhatGoesOn) {
  for (const auto& [allowed, bound] : {std::pair(1'000 * kMiB, 1'000 * kMiB / 10 * 9),
                                       {320 * kMiB, 288 * kMiB},
                                       {96 * kMiB, 64 * kMiB},
                                       {40 * kMiB, 20 * kMiB},
                                       {0 * kMiB, 0 * kMiB}}) {
    Process process(files_);
    process.set_memory(allowed, kMiB);
    ASSERT_TRUE(process.open(settings()).ok());
    EXPECT_EQ(process.node().memory().stats().bound_bytes, bound) << allowed;
    EXPECT_TRUE(process.stop());
  }
}

TEST_F(DatabaseTest, KeysTakeASmallPartOfTheBoundOfMemory) {
  config::Config config = settings();
  config.storage.max_memory_mb = 16;
  Process process(files_);
  process.set_memory(1'000 * kMiB, kMiB);
  ASSERT_TRUE(process.open(config).ok());
  auto client = process.connect();
  client->send("1", "PUT_MACHINE", kMachine);
  client->send("2", "CREATE_INSTANCE",
               R"({"machine":"m","version":1,"id":"i","initial_ctx":{"t":")" +
                   std::string(200 * 1024, 'x') + R"("}})");
  for (int i = 0; i < 2; ++i) EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
  for (int i = 0; i < 10; ++i) {
    client->send("w", "APPLY_EVENT",
                 R"({"id":"i","event":"GO","idempotency_key":")" + std::to_string(i) + R"("})");
    EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
  }
  const engine::Keys& keys = process.state().keys();
  EXPECT_EQ(keys.count(), 5u) << "each keeps the context that it led to";
  EXPECT_LE(keys.bytes(), 16 * kMiB / limits::kIdempotencyMemoryParts);
  EXPECT_TRUE(process.stop());
}

TEST_F(DatabaseTest, NineTenthsOfWhatTheProcessMayHaveAreItsBoundUnlessTheSettingsSayAnother) {
  Process process(files_);
  process.set_memory(1'000 * kMiB, 900 * kMiB);
  ASSERT_TRUE(process.open(settings()).ok());
  auto client = process.connect();
  client->send("1", "PUT_MACHINE", kMachine);
  EXPECT_THAT(client->answer(), HasSubstr(R"("limit_bytes":943718400)")) << "seen at the start";
  EXPECT_TRUE(process.stop());
}

// ---- a log that has stopped

TEST_F(DatabaseTest, AfterAFailureOfTheLogTheServerEndsIfItIsToldTo) {
  for (const auto what : {config::OnLogFailure::kServeReads, config::OnLogFailure::kExit}) {
    SimulatedFileSystem disk;
    config::Config config = settings();
    config.storage.on_log_failure = what;
    Process process(disk);
    ASSERT_TRUE(process.open(config).ok());
    auto client = process.connect();
    client->send("1", "PUT_MACHINE", kMachine);
    EXPECT_THAT(client->answer(), HasSubstr("\"ok\""));
    disk.inject({.call = SimulatedFileSystem::Call::kSync});
    client->send("2", "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"i"})");
    EXPECT_THAT(client->answer(), HasSubstr("LOG_STOPPED")) << "who waits is answered";
    process.run_for(10);
    EXPECT_EQ(process.wants_to_end(), what == config::OnLogFailure::kExit);
    EXPECT_FALSE(process.stop()) << "an end after a failure is no clean one";
  }
}

TEST_F(DatabaseTest, AServerWhoseFolderWasTakenAwayStopsWritingThoughNothingIsWritten) {
  Process process(files_);
  ASSERT_TRUE(process.open().ok());
  process.run_for(3 * limits::kDiskLookMs);
  EXPECT_FALSE(process.node().gate().failed());
  files_.erase("/data/wal/LOCK");
  process.run_for(limits::kDiskLookMs + 1);
  EXPECT_TRUE(process.node().gate().failed());
  auto client = process.connect();
  client->send("1", "PUT_MACHINE", kMachine);
  EXPECT_THAT(client->answer(), HasSubstr("LOG_STOPPED"));
}

}  // namespace
}  // namespace rstmdb::app
