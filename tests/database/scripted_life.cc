#include "scripted_life.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rstmdb::app {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr size_t kBigContext = 400'000;  // a segment takes two
constexpr std::string_view kOk = R"("status":"ok")";

/// What is there at a start: promised, and nothing else. What was not acknowledged may be gone.
void expect_promised(Process& process, const Witness& witness, const std::string& when) {
  const engine::State& state = process.state();
  ASSERT_GE(state.last_offset(), witness.acknowledged) << when << ": something is lost";
  ASSERT_EQ(state.hash(), state.hash_by_walk()) << when;
  if (state.last_offset() == 0) return;
  const auto known = witness.states.find(state.last_offset());
  ASSERT_NE(known, witness.states.end()) << when << ": nobody wrote " << state.last_offset();
  ASSERT_EQ(state.hash(), known->second) << when << ": another state";
}

}  // namespace

config::Config life_settings() {
  config::Config config = settings();
  config.compaction.enabled = false;  // when the script says so
  config.storage.allow_flush_all = true;
  config.storage.min_free_mb = 0;
  return config;
}

void expect_promised_twice(io::SimulatedFileSystem& files, const Witness& witness,
                           const std::string& when) {
  for (const std::string_view start : {"", ", again"}) {
    {
      Process process(files, 77);
      const auto opened = process.open(life_settings());
      ASSERT_TRUE(opened.ok()) << when << start << ": " << opened.error().to_string();
      expect_promised(process, witness, when + std::string(start));
    }
    files.kill();
    if (testing::Test::HasFatalFailure()) return;
  }
}

template <class Part>
void ScriptedLife::live(uint64_t seed, Part part) {
  stopped_ = false;
  {
    Process process(files_, seed);
    const auto opened = process.open(life_settings());
    if (opened.ok()) {
      expect_promised(process, witness_, "seed " + std::to_string(seed));
      witness_.states.erase(witness_.states.upper_bound(process.node().head()),
                            witness_.states.end());
      client_ = process.connect();
      part(process);
      client_.reset();
    } else {
      ++witness_.starts_refused;
      EXPECT_FALSE(opened.error().detail("path").empty() && opened.error().detail("file").empty())
          << "no place is named: " << opened.error().to_string();
    }
  }
  files_.kill();
}

void ScriptedLife::run() {
  live(1, [this](Process& process) { first(process); });
  live(2, [this](Process& process) { second(process); });
  live(3, [this](Process& process) { third(process); });
}

void ScriptedLife::ask(Process& process, std::string_view op, std::string_view params) {
  const uint64_t before = process.node().head();
  client_->send("x", op, params);
  const std::string answer = client_->answer();
  // Whatever has its place in the log may be found there after a crash, acknowledged or not.
  const uint64_t head = process.node().head();
  if (head != before) witness_.states[head] = process.state_hash();
  if (answer.find(kOk) != std::string::npos) {
    EXPECT_FALSE(stopped_) << op << " was acknowledged after a failure";
    witness_.acknowledged = head;
    return;
  }
  EXPECT_THAT(answer, HasSubstr("WAL_IO_ERROR")) << op;
  witness_.stopped_logs += !stopped_;
  stopped_ = true;
  client_->send("p", "PING");
  EXPECT_THAT(client_->answer(), HasSubstr("pong")) << "after a failure";
}

/// A repetition of what was acknowledged has the same answer and no effect.
void ScriptedLife::ask_with_key(Process& process, std::string_view op, const std::string& key,
                                std::string_view params) {
  const uint64_t before = process.node().head();
  const bool was_stopped = stopped_;
  std::string with_key(params.substr(0, params.size() - 1));
  with_key += R"(,"idempotency_key":")" + key + "\"}";
  ask(process, op, with_key);
  if (witness_.keys.contains(key)) {
    EXPECT_EQ(process.node().head(), before) << key << " has a second effect";
    return;
  }
  if (!stopped_ && !was_stopped) witness_.keys.insert(key);
}

/// Whatever becomes of a snapshot, the log goes on, or stops by a failure of its own.
void ScriptedLife::compact(Process& process) {
  client_->send("c", "COMPACT", R"({"force_snapshot":true})");
  const std::string answer = client_->answer();
  EXPECT_THAT(answer, AnyOf(HasSubstr(kOk), HasSubstr("WAL_IO_ERROR")));
  if (answer.find(kOk) == std::string::npos) ++witness_.refused_compactions;
  // The deletion of segments may still be under way.
  process.run_for(10);
}

void ScriptedLife::fill_a_segment(Process& process, char name) {
  const std::string text(kBigContext, name);
  for (int i = 0; i < 3 && !stopped_; ++i) {
    const std::string id = std::string(1, name) + std::to_string(i);
    ask(process, "CREATE_INSTANCE",
        R"({"machine":"m","version":1,"id":")" + id + R"(","initial_ctx":{"t":")" + text + "\"}}");
    ask(process, "DELETE_INSTANCE", R"({"id":")" + id + "\"}");
  }
}

void ScriptedLife::end(Process& process) {
  const bool clean = process.stop();
  EXPECT_FALSE(clean && stopped_) << "an end after a failure is no clean one";
  witness_.clean_ends += clean;
  witness_.failed_ends += !clean && !stopped_;
}

void ScriptedLife::first(Process& process) {
  ask(process, "PUT_MACHINE", kMachine);
  ask(process, "CREATE_INSTANCE", R"({"machine":"m","version":1,"id":"gone"})");
  ask(process, "FLUSH_ALL", "{}");
  ask(process, "PUT_MACHINE", kMachine);
  ask_with_key(process, "CREATE_INSTANCE", "k1", R"({"machine":"m","version":1,"id":"a"})");
  ask_with_key(process, "APPLY_EVENT", "k2", R"({"id":"a","event":"GO","payload":{"n":1}})");
  ask(process, "BATCH",
      R"({"mode":"atomic","ops":[{"op":"CREATE_INSTANCE","params":{"machine":"m","version":1,)"
      R"("id":"b"}},{"op":"APPLY_EVENT","params":{"id":"b","event":"GO"}},)"
      R"({"op":"CREATE_INSTANCE","params":{"machine":"m","version":1,"id":"c"}}]})");
  ask(process, "BATCH",
      R"({"mode":"best_effort","ops":[{"op":"APPLY_EVENT","params":{"id":"b","event":"GO"}},)"
      R"({"op":"APPLY_EVENT","params":{"id":"nobody","event":"GO"}},)"
      R"({"op":"DELETE_INSTANCE","params":{"id":"c"}}]})");
  fill_a_segment(process, 'x');
  compact(process);
  fill_a_segment(process, 'y');
  compact(process);
  ask(process, "APPLY_EVENT", R"({"id":"a","event":"GO","payload":{"n":2}})");
  end(process);
}

void ScriptedLife::second(Process& process) {
  ask(process, "PUT_MACHINE", kMachine);  // again: no effect if it is there
  ask_with_key(process, "CREATE_INSTANCE", "k1", R"({"machine":"m","version":1,"id":"a"})");
  ask_with_key(process, "APPLY_EVENT", "k2", R"({"id":"a","event":"GO","payload":{"n":1}})");
  fill_a_segment(process, 'z');
  compact(process);
  ask_with_key(process, "APPLY_EVENT", "k3", R"({"id":"a","event":"GO","payload":{"n":3}})");
}

void ScriptedLife::third(Process& process) {
  ask(process, "PUT_MACHINE", kMachine);
  ask_with_key(process, "CREATE_INSTANCE", "k1", R"({"machine":"m","version":1,"id":"a"})");
  ask_with_key(process, "APPLY_EVENT", "k3", R"({"id":"a","event":"GO","payload":{"n":3}})");
  end(process);
}

}  // namespace rstmdb::app
