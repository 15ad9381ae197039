// rstmdb_engine_bench: what the state itself costs, without a network. One JSON object a line.
//
//   rstmdb_engine_bench memory   --instances N         bytes an instance beyond its id and context
//   rstmdb_engine_bench apply    --instances N         events/s on random instances, one at a time
//                                                      and with a look ahead; cost of a page
//   rstmdb_engine_bench prepare  --folder D --records  a log and a snapshot to read
//   rstmdb_engine_bench replay   --folder D            records/s of a start from that log
//   rstmdb_engine_bench load     --folder D            instances/s of that snapshot
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <random>
#include <string>

#include "bench/engine/memory.h"
#include "bench/engine/population.h"
#include "engine/listing.h"
#include "engine/state_walk.h"
#include "io/asio_loop.h"
#include "io/clock.h"
#include "io/file_system.h"
#include "io/random.h"
#include "io/thread_worker.h"
#include "log/segment_log.h"
#include "node/recovery.h"
#include "snapshot/reader.h"
#include "snapshot/writer.h"

namespace rstmdb::bench {
namespace {

struct Arguments {
  Shape shape;
  uint64_t events = 2'000'000;
  uint64_t records = 5'000'000;
  uint64_t group = 64;
  std::string folder = ".";
  std::string ahead = "thread";
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

io::Ahead ahead_of(const Arguments& arguments) {
  return arguments.ahead == "thread" ? io::Ahead::kThread : io::Ahead::kInline;
}

void measure_memory(const Arguments& arguments) {
  Population population(arguments.shape);
  const Memory before = memory_now();
  population.create_all([](std::string_view) {});
  const Memory created = memory_now();
  std::mt19937_64 random(3);
  for (uint64_t i = 0; i < arguments.events; ++i)
    population.apply(population.id(random() % arguments.shape.instances));
  const Memory after = memory_now();
  const auto each = [&](uint64_t now, uint64_t then) {
    return (static_cast<double>(now - then) - static_cast<double>(population.text_bytes())) /
           static_cast<double>(arguments.shape.instances);
  };
  std::printf(R"({"what":"memory","instances":%llu,"ids":"%s","context_bytes":%zu,"events":%llu,)"
              R"("allocated_extra_bytes":%.1f,"resident_extra_bytes":%.1f,)"
              R"("after_events_allocated":%.1f,"after_events_resident":%.1f})"
              "\n",
              static_cast<unsigned long long>(arguments.shape.instances),
              arguments.shape.ids.c_str(), arguments.shape.context_bytes,
              static_cast<unsigned long long>(arguments.events),
              each(created.allocated, before.allocated), each(created.resident, before.resident),
              each(after.allocated, before.allocated), each(after.resident, before.resident));
}

constexpr size_t kAhead = 16;

double events_per_second(Population& population, const Arguments& arguments, bool ahead) {
  std::mt19937_64 random(7);
  std::array<std::string, kAhead> next;
  std::array<std::string_view, kAhead> ids;
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t i = 0; i < arguments.events; i += kAhead) {
    for (size_t k = 0; k < kAhead; ++k) {
      next[k] = population.id(random() % arguments.shape.instances);
      ids[k] = next[k];
    }
    if (ahead) population.state().instances().prefetch(ids);
    for (const std::string& id : next) population.apply(id);
  }
  return static_cast<double>(arguments.events) / seconds_since(start);
}

double page_us(const engine::State& state) {
  constexpr int kPages = 2'000;
  engine::Slot from = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kPages; ++i) {
    const engine::Page page = engine::list_instances(
        state, {.machine = "order", .state = "paid", .limit = 100, .from = from});
    from = page.next.value_or(0);
  }
  return seconds_since(start) * 1e6 / kPages;
}

void measure_apply(const Arguments& arguments) {
  Population population(arguments.shape);
  const auto start = std::chrono::steady_clock::now();
  population.create_all([](std::string_view) {});
  const double creates = static_cast<double>(arguments.shape.instances) / seconds_since(start);
  events_per_second(population, arguments, true);  // once around
  const double alone = events_per_second(population, arguments, false);
  const double ahead = events_per_second(population, arguments, true);
  std::printf(R"({"what":"apply","instances":%llu,"creates_per_s":%.0f,"events_per_s":%.0f,)"
              R"("events_per_s_ahead":%.0f,"page_us":%.2f})"
              "\n",
              static_cast<unsigned long long>(arguments.shape.instances), creates, alone, ahead,
              page_us(population.state()));
}

/// The system's files, with the threads that a log wants.
struct World {
  io::AsioLoop loop;
  io::ThreadWorker worker{loop};
  log::SegmentLog::Opened open(const std::string& folder) {
    return log::SegmentLog::open({.files = io::system_file_system(),
                                  .loop = loop,
                                  .worker = worker,
                                  .background = worker,
                                  .clock = io::system_clock(),
                                  .random = io::system_random(),
                                  .folder = folder + "/wal",
                                  .sync = {log::SyncPolicy::Kind::kNever, 0},
                                  .prepare = log::SegmentLog::Prepare::kNothing,
                                  .ahead = io::Ahead::kThread})
        .value();
  }
};

std::string snapshot_path(const Arguments& arguments) { return arguments.folder + "/bench.snap"; }

void write_snapshot(engine::State& state, const Arguments& arguments) {
  engine::StateWalk walk(state);
  auto writer = snapshot::Writer::create(io::system_file_system(), snapshot_path(arguments),
                                         {.facts = walk.facts()})
                    .value();
  const auto write = [&] {
    for (const engine::RowBlock& block : walk.take_blocks())
      RSTMDB_CHECK(writer->write(block).ok(), "the snapshot is written");
  };
  while (!walk.done()) {
    walk.advance(4'096, 1 << 20);
    write();
  }
  write();
  RSTMDB_CHECK(writer->finish().ok(), "the snapshot is written");
}

void prepare(const Arguments& arguments) {
  RSTMDB_CHECK(io::system_file_system().make_folder(arguments.folder).ok(), arguments.folder);
  World world;
  auto opened = world.open(arguments.folder);
  log::SegmentLog& log = *opened.log;
  uint64_t waiting = 0;
  const auto append = [&](std::string_view unit) {
    const auto taken = log.append({log.next_offset(), 1, unit});
    RSTMDB_CHECK(taken.ok(), "the log takes the unit");
    if (++waiting % arguments.group == 0) log.flush();
  };
  Population population(arguments.shape);
  append(population.unit());
  population.create_all(append);
  std::mt19937_64 random(5);
  for (uint64_t i = arguments.shape.instances; i < arguments.records; ++i) {
    population.apply(population.id(random() % arguments.shape.instances));
    append(population.unit());
  }
  RSTMDB_CHECK(log.close().ok(), "the log is closed");
  write_snapshot(population.state(), arguments);
  std::printf(R"({"what":"prepare","records":%llu,"log_bytes":%llu,"hash":"%s"})"
              "\n",
              static_cast<unsigned long long>(population.state().last_offset()),
              static_cast<unsigned long long>(log.stats().total_bytes),
              population.state().hash().hex().c_str());
}

void measure_replay(const Arguments& arguments) {
  World world;
  const auto start = std::chrono::steady_clock::now();
  const auto opened = world.open(arguments.folder);
  const double opened_s = seconds_since(start);
  engine::State state({.hash_seed = 8});
  engine::ChainHash chain;
  const auto replayed = node::replay(*opened.log, state, chain,
                                     {.clock = io::system_clock(), .ahead = ahead_of(arguments)});
  const double all_s = seconds_since(start);
  RSTMDB_CHECK(replayed.ok(), replayed.error().to_string());
  const auto records = static_cast<double>(state.last_offset());
  const auto bytes = static_cast<double>(opened.log->stats().total_bytes);
  std::printf(R"({"what":"replay","ahead":"%s","records":%.0f,"bytes":%.0f,"open_s":%.3f,)"
              R"("replay_s":%.3f,"replay_records_per_s":%.0f,"records_per_s":%.0f,"hash":"%s"})"
              "\n",
              arguments.ahead.c_str(), records, bytes, opened_s, all_s - opened_s,
              records / (all_s - opened_s), records / all_s, state.hash().hex().c_str());
}

void measure_load(const Arguments& arguments) {
  const auto start = std::chrono::steady_clock::now();
  const auto loaded = snapshot::load(io::system_file_system(), snapshot_path(arguments),
                                     {.state = {.hash_seed = 8}, .ahead = ahead_of(arguments)});
  const double all_s = seconds_since(start);
  RSTMDB_CHECK(loaded.ok(), loaded.error().to_string());
  const double instances = loaded->state.instances().size();
  std::printf(R"({"what":"load","ahead":"%s","instances":%.0f,"bytes":%llu,"s":%.3f,)"
              R"("instances_per_s":%.0f,"hash":"%s"})"
              "\n",
              arguments.ahead.c_str(), instances,
              static_cast<unsigned long long>(loaded->file_bytes), all_s, instances / all_s,
              loaded->state.hash().hex().c_str());
}

int run(int argc, char** argv) {
  CLI::App app("measures the state without a network");
  app.require_subcommand(1);
  Arguments arguments;
  const auto add = [&](const char* name, const char* what, void (*measure)(const Arguments&)) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("--instances", arguments.shape.instances)->check(CLI::Range(1, 99'999'999));
    command->add_option("--context-bytes", arguments.shape.context_bytes)
        ->check(CLI::Range(32, 1 << 20));
    command->add_option("--ids", arguments.shape.ids)->check(CLI::IsMember({"number", "uuid"}));
    command->add_option("--events", arguments.events);
    command->add_option("--records", arguments.records);
    command->add_option("--group", arguments.group, "records of one flush")
        ->check(CLI::PositiveNumber);
    command->add_option("--folder", arguments.folder);
    command->add_option("--ahead", arguments.ahead)->check(CLI::IsMember({"inline", "thread"}));
    command->callback([&arguments, measure] { measure(arguments); });
  };
  add("memory", "bytes an instance", measure_memory);
  add("apply", "events a second", measure_apply);
  add("prepare", "writes a log and a snapshot", prepare);
  add("replay", "a start from the log", measure_replay);
  add("load", "a start from the snapshot", measure_load);
  CLI11_PARSE(app, argc, argv);
  return 0;
}

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) { return rstmdb::bench::run(argc, argv); }
