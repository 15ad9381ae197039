// A history read along the links of the records is what a scan of the log finds: over deletes,
// flushes, restarts from snapshots and compaction, from any offset and in pages of any size.
#include "node/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "base/limits.h"
#include "log/memory_log.h"
#include "node/compaction_test_support.h"

namespace rstmdb::node {
namespace {

struct Page {
  std::vector<log::Offset> offsets;
  std::vector<std::string> contexts;
  HistoryEnd end;
  int turns = 0;  // that it took besides the one in which it was asked for
};

class Reader final : public Histories::Asker {
 public:
  using Done = std::move_only_function<void(Result<HistoryEnd>)>;
  explicit Reader(Done done, const bool* gone = nullptr) : done_(std::move(done)), gone_(gone) {}
  void tell(Result<HistoryEnd> end) override { done_(std::move(end)); }
  bool gone() const override { return gone_ != nullptr && *gone_; }

 private:
  Done done_;
  const bool* gone_;
};

std::unique_ptr<HistoryWalk> walk_of(log::Log& log, const engine::Instance& instance,
                                     log::Offset before, uint64_t limit, Page& page) {
  return std::make_unique<HistoryWalk>(
      HistoryWalk::Options{.log = log,
                           .instance_id = std::string(instance.id()),
                           .newest = instance.last_offset,
                           .created_at = instance.created_at,
                           .before = before,
                           .limit = limit,
                           .on_event = [&page](const engine::Record& record) {
                             page.offsets.push_back(record.offset);
                             page.contexts.emplace_back(record.context);
                             return record.context.size() + record.payload.size();
                           }});
}

Page read_page(NodeBench& bench, Model& model, const engine::Instance& instance, log::Offset before,
               uint64_t limit) {
  Page page;
  Histories& histories = bench.node().histories();
  auto walk = walk_of(bench.log(), instance, before, limit, page);
  const auto ended = histories.begin(*walk);
  EXPECT_TRUE(ended.ok()) << ended.error().to_string();
  if (!ended.ok()) return page;
  if (*ended) {
    page.end = walk->end();
    return page;
  }
  bool told = false;
  histories.go_on(std::move(walk), std::make_unique<Reader>([&](Result<HistoryEnd> end) {
                    told = true;
                    ASSERT_TRUE(end.ok()) << end.error().to_string();
                    page.end = *end;
                  }));
  while (!told && page.turns < 10'000) {
    ++page.turns;
    bench.turn(model);
  }
  EXPECT_TRUE(told);
  return page;
}

/// What a scan of the log has found of each instance, also of what has been trimmed since.
class Scan {
 public:
  void read_on(log::Log& log) {
    const auto cursor = log.read_from(next_);
    ASSERT_TRUE(cursor.ok()) << cursor.error().to_string();
    while (true) {
      const auto unit = (*cursor)->next();
      ASSERT_TRUE(unit.ok()) << unit.error().to_string();
      if (!unit->has_value()) return;
      engine::ChainHash chain;
      engine::RecordReader reader((*unit)->bytes, chain);
      reader.adopt_chain();
      while (!reader.at_end()) take(reader.next().value());
    }
  }

  struct Event {
    log::Offset offset;
    std::string context;
  };
  const std::vector<Event>& of(std::string_view id) const { return events_.at(std::string(id)); }

  /// What a page must show.
  Page page(std::string_view id, log::Offset before, uint64_t limit, log::Offset horizon) const {
    const std::vector<Event>& all = of(id);
    Page page;
    page.end.horizon = horizon;
    for (auto event = all.rbegin(); event != all.rend(); ++event) {
      if (event->offset < horizon || event->offset >= before) continue;
      if (page.offsets.size() == limit) {
        page.end.has_more = true;
        page.end.next_before = event->offset + 1;
        return page;
      }
      page.offsets.push_back(event->offset);
      page.contexts.push_back(event->context);
    }
    page.end.complete = before <= horizon ? horizon == 1 : all.front().offset >= horizon;
    return page;
  }

 private:
  void take(const engine::Record& record) {
    next_ = record.offset + 1;
    if (record.kind == engine::RecordKind::kFlushAll) events_.clear();
    const bool of_instance = record.kind == engine::RecordKind::kCreateInstance ||
                             record.kind == engine::RecordKind::kApplyEvent ||
                             record.kind == engine::RecordKind::kDeleteInstance;
    if (!of_instance) return;
    events_[std::string(record.instance_id)].push_back(
        {record.offset, std::string(record.context)});
  }

  log::Offset next_ = 1;
  std::map<std::string, std::vector<Event>> events_;
};

void expect_equal(const Page& shown, const Page& expected) {
  ASSERT_EQ(shown.offsets, expected.offsets);
  ASSERT_EQ(shown.contexts, expected.contexts);
  ASSERT_EQ(shown.end.has_more, expected.end.has_more);
  ASSERT_EQ(shown.end.next_before, expected.end.next_before);
  ASSERT_EQ(shown.end.horizon, expected.end.horizon);
  ASSERT_EQ(shown.end.complete, expected.end.complete);
}

log::Offset horizon_of(const log::Log& log) {
  const log::Offset oldest = log.stats().oldest_offset;
  return oldest != 0 ? oldest : log.next_offset();
}

struct Counts {
  size_t pages = 0;
  size_t events = 0;
  size_t beyond_horizon = 0;  // pages that ended where the log begins
  size_t deleted = 0;         // of deleted instances
};

/// Pages through each instance's history from the top, and looks into it from a few offsets.
void compare(NodeBench& bench, Model& model, const Scan& scan, std::mt19937_64& chance,
             Counts& counts) {
  const engine::Instances& instances = bench.node().state().instances();
  const log::Offset horizon = horizon_of(bench.log());
  for (engine::Slot slot = 0; slot < instances.size(); ++slot) {
    const engine::Instance& instance = instances.at(slot);
    const auto look = [&](log::Offset before, uint64_t limit) {
      const Page shown = read_page(bench, model, instance, before, limit);
      expect_equal(shown, scan.page(instance.id(), before, limit, horizon));
      ++counts.pages;
      counts.events += shown.offsets.size();
      counts.beyond_horizon += !shown.end.has_more && !shown.end.complete;
      counts.deleted += instance.deleted();
      return shown.end;
    };
    const uint64_t limit = 1 + chance() % 5;
    HistoryEnd end{.has_more = true, .next_before = UINT64_MAX};
    while (end.has_more && !::testing::Test::HasFatalFailure()) end = look(end.next_before, limit);
    for (int i = 0; i < 3; ++i) look(chance() % (bench.node().head() + 3), 1 + chance() % 4);
    ASSERT_FALSE(::testing::Test::HasFatalFailure()) << instance.id();
  }
}

TEST(History, IsWhatAScanOfTheLogFinds) {
  Counts counts;
  size_t from_snapshots = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    io::SimulatedFileSystem files;
    std::mt19937_64 chance(seed);
    Model model;
    Scan scan;
    for (int life = 0; life < 4; ++life) {
      NodeBench bench(files, seed * 10 + static_cast<uint64_t>(life));
      ASSERT_TRUE(bench.open().ok());
      from_snapshots += bench.from_snapshot > 0;
      for (int i = 0; i < 60; ++i) {
        ASSERT_TRUE(bench.write(chance, model));
        if (chance() % 3 == 0) bench.turn(model);
      }
      bench.turn(model);
      scan.read_on(bench.log());
      compare(bench, model, scan, chance, counts);
      if (chance() % 3 == 0) continue;
      ASSERT_TRUE(bench.compact(model).ok());
      ASSERT_TRUE(bench.compact(model).ok());
      compare(bench, model, scan, chance, counts);
      ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << ", life " << life;
    }
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
  }
  std::printf("%zu pages with %zu events, %zu to the horizon, %zu of deleted instances\n",
              counts.pages, counts.events, counts.beyond_horizon, counts.deleted);
  EXPECT_GT(counts.events, 10'000u);
  EXPECT_GT(counts.beyond_horizon, 100u);
  EXPECT_GT(counts.deleted, 100u);
  EXPECT_GT(from_snapshots, 60u);
}

/// A node on a log in memory, with one instance that has been flipped `events` times.
class HistoryTest : public ::testing::Test {
 protected:
  void open(log::MemoryLog::Commit commit = log::MemoryLog::Commit::kAtFlush) {
    log_ = std::make_unique<log::MemoryLog>(commit);
    node_ = Node::open({.log = *log_,
                        .loop = loop_,
                        .clock = clock_,
                        .random = random_,
                        .bounds = small_bounds()})
                .value();
    json::Document document;
    ASSERT_TRUE(document
                    .parse(R"({"states":["a","b"],"initial":"a","transitions":[
                        {"from":"a","event":"E","to":"b"},{"from":"b","event":"E","to":"a"}]})")
                    .ok());
    definition_ = engine::Definition::parse(document.root()).value();
    put();
    create("i");
  }
  void put() {
    auto write = node_->write({});
    engine::PutMachine put;
    put.machine = "m";
    put.version = 1;
    put.definition = &definition_;
    ASSERT_TRUE(write->decide(put).ok());
    ASSERT_TRUE(write->commit().ok());
  }
  void flush_all() {
    auto write = node_->write({});
    write->decide(engine::FlushAll{});
    ASSERT_TRUE(write->commit().ok());
  }
  void create(std::string_view id) {
    auto write = node_->write({});
    engine::CreateInstance create;
    create.machine = "m";
    create.version = 1;
    create.instance_id = id;
    create.context = "{}";
    ASSERT_TRUE(write->decide(create).ok());
    ASSERT_TRUE(write->commit().ok());
  }
  void apply(std::string_view id, std::string_view payload = "") {
    auto write = node_->write({});
    engine::ApplyEvent apply;
    apply.instance_id = id;
    apply.event = "E";
    apply.payload = payload;
    ASSERT_TRUE(write->decide(apply).ok());
    ASSERT_TRUE(write->commit().ok());
  }
  const engine::Instance& instance(std::string_view id) const {
    return node_->state().instances().at(*node_->state().instances().find(id));
  }
  /// Asks for a page; `ended` is filled once it has come, unless the one who asks is `gone`.
  void ask(Page& page, std::optional<Result<HistoryEnd>>& ended, log::Offset before = UINT64_MAX,
           uint64_t limit = 100, const bool* gone = nullptr) {
    Histories& histories = node_->histories();
    auto walk = walk_of(*log_, instance("i"), before, limit, page);
    const auto begun = histories.begin(*walk);
    ASSERT_TRUE(begun.ok());
    if (*begun) {
      ended = walk->end();
      return;
    }
    ASSERT_TRUE(histories.make_room().ok());
    histories.go_on(std::move(walk),
                    std::make_unique<Reader>(
                        [&ended](Result<HistoryEnd> end) { ended = std::move(end); }, gone));
  }

  io::SimulatedLoop loop_{{.seed = 1}};
  io::SimulatedClock clock_{loop_};
  io::SimulatedRandom random_{1};
  engine::Definition definition_;
  std::unique_ptr<log::MemoryLog> log_;
  std::unique_ptr<Node> node_;
};

TEST_F(HistoryTest, ShowsNothingThatIsNotCommitted) {
  open(log::MemoryLog::Commit::kWhenTold);
  node_->end_turn();
  log_->commit_flushed();
  apply("i", R"({"n":1})");
  Page page;
  std::optional<Result<HistoryEnd>> ended;
  ask(page, ended);
  node_->end_turn();
  node_->end_turn();
  EXPECT_FALSE(ended.has_value());
  EXPECT_TRUE(page.offsets.empty());
  log_->commit_flushed();
  node_->end_turn();
  ASSERT_TRUE(ended.has_value() && ended->ok());
  EXPECT_EQ(page.offsets, (std::vector<log::Offset>{3, 2}));
  EXPECT_TRUE((*ended)->complete);
}

TEST_F(HistoryTest, WhatWillNeverBeCommittedIsAnError) {
  open(log::MemoryLog::Commit::kWhenTold);
  node_->end_turn();
  log_->commit_flushed();
  apply("i");
  Page page;
  std::optional<Result<HistoryEnd>> ended;
  ask(page, ended);
  log_->fail(Error(Code::kWalIoError, "the disk is gone"));
  ASSERT_TRUE(ended.has_value());
  ASSERT_FALSE(ended->ok());
  EXPECT_EQ(ended->error().detail("code"), "LOG_STOPPED");
  EXPECT_TRUE(page.offsets.empty());
}

TEST_F(HistoryTest, ALongWalkIsSpreadOverTurnsAndEndsAtTheSamePlace) {
  open();
  constexpr uint64_t kEvents = 3'000;
  loop_.run_for(1);  // what has the creation's time stamp is not trusted to be the instance's
  for (uint64_t i = 0; i < kEvents; ++i) apply("i");
  apply("i");
  create("other");  // its offset is none of the instance's
  const log::Offset middle = node_->head();
  for (uint64_t i = 0; i < kEvents; ++i) apply("i");
  node_->end_turn();
  Page page;
  std::optional<Result<HistoryEnd>> ended;
  ask(page, ended, middle + 1, 3);
  int turns = 0;
  for (; !ended && turns < 1'000; ++turns) {
    apply("other");  // writers go on meanwhile
    node_->end_turn();
    EXPECT_EQ(node_->gate().committed(), node_->head());
  }
  ASSERT_TRUE(ended.has_value() && ended->ok());
  EXPECT_GT(turns, 3);
  EXPECT_EQ(page.offsets, (std::vector<log::Offset>{middle - 1, middle - 2, middle - 3}));
  EXPECT_EQ((*ended)->next_before, middle - 3);
  // The page after it begins where this one ended.
  const uint64_t reads = log_->stats().reads;
  std::optional<Result<HistoryEnd>> next;
  ask(page, next, (*ended)->next_before, 3);
  ASSERT_TRUE(next.has_value() && next->ok());
  EXPECT_EQ(page.offsets.back(), middle - 6);
  EXPECT_LE(log_->stats().reads, reads + 4);
}

TEST_F(HistoryTest, APageEndsWhenItsContentsAreLong) {
  open();
  const std::string payload = R"({"x":")" + std::string(500'000, 'x') + R"("})";
  for (int i = 0; i < 40; ++i) apply("i", payload);
  node_->end_turn();
  std::vector<log::Offset> all;
  std::optional<Result<HistoryEnd>> ended;
  log::Offset before = UINT64_MAX;
  int pages = 0;
  do {
    Page page;
    ended.reset();
    ask(page, ended, before);
    for (int i = 0; i < 100 && !ended; ++i) node_->end_turn();
    ASSERT_TRUE(ended.has_value() && ended->ok());
    size_t bytes = 0;
    for (const std::string& context : page.contexts) bytes += 2 * context.size();  // and payload
    EXPECT_LT(bytes, limits::kHistoryPageBytesMax + 2 * payload.size());
    all.insert(all.end(), page.offsets.begin(), page.offsets.end());
    before = (*ended)->next_before;
    ++pages;
  } while ((*ended)->has_more);
  EXPECT_TRUE((*ended)->complete);
  EXPECT_EQ(pages, 5);
  std::vector<log::Offset> expected;
  for (log::Offset offset = node_->head(); offset >= 2; --offset) expected.push_back(offset);
  EXPECT_EQ(all, expected);
}

TEST_F(HistoryTest, TheBoundIsReachedAndThenThereIsNoRoom) {
  open(log::MemoryLog::Commit::kWhenTold);
  std::deque<Page> pages;
  std::deque<std::optional<Result<HistoryEnd>>> ends;
  for (size_t i = 0; i < limits::kHistoriesMax; ++i) ask(pages.emplace_back(), ends.emplace_back());
  const auto full = node_->histories().make_room();
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), Code::kRateLimited);
  EXPECT_EQ(full.error().detail("code"), "TOO_MANY_HISTORIES");
  node_->end_turn();
  log_->commit_flushed();
  for (int i = 0; i < 100 && node_->histories().count() > 0; ++i) node_->end_turn();
  EXPECT_TRUE(node_->histories().make_room().ok());
  for (const auto& end : ends) ASSERT_TRUE(end.has_value() && end->ok());
  for (const Page& page : pages) EXPECT_EQ(page.offsets.size(), 1u);
}

TEST_F(HistoryTest, WhoHasGoneIsReadNothingMoreAndHoldsNobodyUp) {
  open(log::MemoryLog::Commit::kWhenTold);
  Page unseen;
  std::optional<Result<HistoryEnd>> untold;
  bool gone = false;
  for (size_t i = 0; i < limits::kHistoriesMax; ++i) ask(unseen, untold, UINT64_MAX, 100, &gone);
  ASSERT_FALSE(node_->histories().make_room().ok());
  gone = true;
  Page page;
  std::optional<Result<HistoryEnd>> ended;
  ask(page, ended);
  EXPECT_EQ(node_->histories().count(), 1u);

  // Those that go while there is room are passed over in the turn that would read for them.
  gone = false;
  for (int i = 0; i < 100; ++i) ask(unseen, untold, UINT64_MAX, 100, &gone);
  gone = true;
  node_->end_turn();
  log_->commit_flushed();
  const uint64_t reads = log_->stats().reads;
  node_->end_turn();
  EXPECT_LE(log_->stats().reads, reads + 1);
  EXPECT_EQ(node_->histories().count(), 0u);
  EXPECT_TRUE(unseen.offsets.empty());
  EXPECT_FALSE(untold.has_value());
  ASSERT_TRUE(ended.has_value() && ended->ok());
  EXPECT_EQ(page.offsets.size(), 1u);
}

TEST_F(HistoryTest, AfterFlushAllAnIdBeginsANewHistoryEvenInTheSameMillisecond) {
  open();
  apply("i");
  const log::Offset old = node_->head();
  flush_all();
  put();
  create("i");
  apply("i");
  node_->end_turn();
  const log::Offset newest = node_->head();
  for (log::Offset before = 2; before <= newest + 1; ++before) {
    Page page;
    std::optional<Result<HistoryEnd>> ended;
    ask(page, ended, before);
    ASSERT_TRUE(ended.has_value() && ended->ok());
    for (const log::Offset offset : page.offsets) EXPECT_GT(offset, old);
    EXPECT_EQ(page.offsets.size(), before > newest ? 2u : before == newest ? 1u : 0u);
    EXPECT_TRUE((*ended)->complete);
  }
}

/// Records as other releases have written them, or as nobody should.
class WrittenLog {
 public:
  void add(engine::Record record) {
    record.offset = log_.next_offset();
    std::string unit;
    engine::append_record(unit, record, chain_);
    ASSERT_TRUE(log_.append({record.offset, 1, unit}).ok());
    log_.flush();
  }
  Result<bool> walk(log::Offset newest, Page& page) {
    HistoryWalk walk({.log = log_,
                      .instance_id = "i",
                      .newest = newest,
                      .created_at = 0,
                      .before = UINT64_MAX,
                      .limit = 100,
                      .on_event = [&page](const engine::Record& record) {
                        page.offsets.push_back(record.offset);
                        return size_t{0};
                      }});
    size_t spent = 0;
    auto ended = walk.advance(SIZE_MAX, spent);
    page.end = walk.end();
    return ended;
  }

 private:
  log::MemoryLog log_;
  engine::ChainHash chain_;
};

engine::Record creation(std::string_view id) {
  engine::Record record;
  record.kind = engine::RecordKind::kCreateInstance;
  record.machine = "m";
  record.version = 1;
  record.instance_id = id;
  record.to_state = "a";
  record.context = "{}";
  return record;
}

engine::Record event(std::string_view id, log::Offset previous) {
  engine::Record record;
  record.instance_id = id;
  record.machine = "m";
  record.version = 1;
  record.event = "E";
  record.from_state = record.to_state = "a";
  record.context = "{}";
  record.previous_of_instance = previous;
  return record;
}

TEST(History, EndsAtARecordThatDoesNotSayWhatCameBefore) {
  WrittenLog log;
  log.add(creation("i"));
  log.add(event("i", 0));  // of release 0.2
  log.add(event("i", 2));
  Page page;
  ASSERT_TRUE(log.walk(3, page).ok());
  EXPECT_EQ(page.offsets, (std::vector<log::Offset>{3, 2}));
  EXPECT_FALSE(page.end.has_more);
  EXPECT_FALSE(page.end.complete);
}

TEST(History, ReachesACreationOfAnOlderRelease) {
  WrittenLog log;
  log.add(creation("i"));
  log.add(event("i", 1));
  Page page;
  ASSERT_TRUE(log.walk(2, page).ok());
  EXPECT_EQ(page.offsets, (std::vector<log::Offset>{2, 1}));
  EXPECT_TRUE(page.end.complete);
}

TEST(History, ALinkToAnotherInstancesRecordIsDamage) {
  WrittenLog log;
  log.add(creation("i"));
  log.add(creation("j"));
  log.add(event("i", 2));
  Page page;
  const auto ended = log.walk(3, page);
  ASSERT_FALSE(ended.ok());
  EXPECT_EQ(ended.error().code(), Code::kWalIoError);
  EXPECT_EQ(ended.error().detail("code"), "LOG_DAMAGED");
}

}  // namespace
}  // namespace rstmdb::node
