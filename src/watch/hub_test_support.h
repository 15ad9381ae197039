// A hub on a log in memory, with records made by hand and connections that only keep what they get.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/crc32c.h"
#include "io/simulated_random.h"
#include "log/memory_log.h"
#include "watch/hub.h"

namespace rstmdb::watch {

class FakeWatcher final : public Watcher {
 public:
  explicit FakeWatcher(Hub& hub) : hub_(hub) {}
  ~FakeWatcher() override { hub_.forget(*this); }

  bool make_room() override { return room > 0; }
  void deliver(const Notification& notification) override {
    EXPECT_EQ(crc32c(notification.shared.text), notification.shared.crc);
    received[std::string(notification.subscription_id)].emplace_back(notification.shared.text);
    last_kind = notification.kind;
    if (room > 0) --room;
    unsent = true;
  }
  void push() override { ++pushes; }
  void flush() override { unsent = false; }
  void on_lost(const Error& error) override {
    lost.push_back(error.to_string());
    hub_.forget(*this);
  }

  /// Offsets that subscription `id` was told of.
  std::vector<uint64_t> offsets(const std::string& id) {
    std::vector<uint64_t> found;
    constexpr std::string_view kKey = R"("wal_offset":)";
    for (const std::string& members : received[id]) {
      found.push_back(std::stoull(members.substr(members.find(kKey) + kKey.size())));
    }
    return found;
  }

  std::map<std::string, std::vector<std::string>> received;
  std::vector<std::string> lost;
  std::string last_kind;
  size_t room = 1'000'000;  // notifications before it says no
  bool unsent = false;
  size_t pushes = 0;

 private:
  Hub& hub_;
};

class HubTest : public testing::Test, private log::Listener {
 protected:
  HubTest() { log_.set_listener(*this); }

  /// Appends a unit of transitions, of one instance each, in states a and b by turns.
  void write(const std::vector<std::string>& instances) {
    std::vector<engine::Record> records;
    for (const std::string& id : instances) {
      engine::Record record;
      record.offset = log_.next_offset() + records.size();
      record.machine = "m";
      record.version = 1;
      record.instance_id = id;
      record.event = "GO";
      record.from_state = states_.contains(id) ? "b" : "a";
      record.to_state = states_.contains(id) ? "a" : "b";
      record.context = context_;
      if (!states_.erase(id)) states_.insert(id);
      records.push_back(record);
      if (id != "put-machine") history_.emplace_back(record.offset, id);
    }
    std::string bytes;
    for (const engine::Record& record : records) engine::append_record(bytes, record, chain_);
    ASSERT_TRUE(log_.append({.first_offset = log_.next_offset(),
                             .record_count = static_cast<uint32_t>(records.size()),
                             .bytes = bytes})
                    .ok());
    hub_.folded(records);
  }
  void commit() {
    log_.flush();
    log_.commit_flushed();
  }
  /// Turns until nobody who could be served is behind.
  void catch_up() {
    for (int turn = 0; turn < 100'000; ++turn) {
      if (hub_.end_turn() == CatchUp::Rest::kNone) return;
    }
    FAIL() << "never catches up";
  }
  std::string subscribe(Watcher& watcher, std::optional<uint64_t> from = {}, Filter filter = {}) {
    if (filter.kinds.empty()) filter.kinds.add(ChangeKind::kTransition);
    auto id = hub_.subscribe(watcher, {.filter = std::move(filter), .from = from});
    EXPECT_TRUE(id.ok()) << id.error().to_string();
    return id.ok() ? *id : "";
  }
  /// What a watcher of `instance` ("": all) has to be told from `from` to `to`.
  std::vector<uint64_t> history(uint64_t from, uint64_t to, const std::string& instance = "") {
    std::vector<uint64_t> offsets;
    for (const auto& [offset, id] : history_) {
      if (offset >= from && offset <= to && (instance.empty() || id == instance)) {
        offsets.push_back(offset);
      }
    }
    return offsets;
  }

  log::MemoryLog log_{log::MemoryLog::Commit::kWhenTold};
  engine::State state_{{.hash_seed = 1}};
  io::SimulatedRandom random_{1};
  Hub hub_{{.log = log_, .state = state_, .random = random_}};
  std::string context_ = R"({"n":1})";

 private:
  void on_committed(log::Offset offset) override { hub_.committed(offset); }
  void on_failed(const Error&) override { hub_.failed(); }
  void on_fenced() override {}

  engine::ChainHash chain_;
  std::set<std::string> states_;  // who is in b
  std::vector<std::pair<uint64_t, std::string>> history_;
};

}  // namespace rstmdb::watch
