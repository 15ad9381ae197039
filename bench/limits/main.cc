// rstmdb_limits: what the machine gives at best, as one JSON object.
//
//   rstmdb_limits appending --folder DIR --bytes N   write + fdatasync of a file that grows
//   rstmdb_limits prezeroed --folder DIR --bytes N   the same inside a file written full of zeros
//   rstmdb_limits loopback --bytes N                 one message there and one back over TCP
//   rstmdb_limits stream --bytes N                   messages in one direction over TCP
//   rstmdb_limits memcpy --bytes N                   copies from one block of memory to another
//   rstmdb_limits processors                         all of them at once, in steps of 0.1 ms: what
//                                                    they are taken away for is in the longest
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "limits/limits.h"

namespace rstmdb::bench {

Error call_failed(const char* call) {
  return Error(Code::kInternalError, std::string(call) + ": " + std::strerror(errno))
      .with("errno", errno);
}

Result<void> measure_memcpy(const Arguments& arguments, Latencies& latencies) {
  constexpr size_t kSpread = 64;  // blocks enough that no cache holds them when they are large
  std::vector<char> from(arguments.bytes * kSpread, 'x');
  std::vector<char> to(arguments.bytes * kSpread);
  const int64_t end_ns = now_ns() + arguments.measured_ms * 1'000'000;
  size_t block = 0;
  for (int64_t from_ns = now_ns(); from_ns < end_ns; block = (block + 1) % kSpread) {
    char* target = to.data() + block * arguments.bytes;
    std::memcpy(target, from.data() + block * arguments.bytes, arguments.bytes);
    asm volatile("" : : "r"(target) : "memory");  // the copy is wanted
    const int64_t to_ns = now_ns();
    latencies.record(to_ns - from_ns);
    from_ns = to_ns;
  }
  return {};
}

Result<void> measure_processors(const Arguments& arguments, Latencies& latencies) {
  constexpr int64_t kStepNs = 100'000;
  const int64_t end_ns = now_ns() + arguments.measured_ms * 1'000'000;
  std::vector<std::vector<int64_t>> steps(std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (std::vector<int64_t>& mine : steps) {
    threads.emplace_back([&mine, end_ns] {
      int64_t from_ns = now_ns();
      while (from_ns < end_ns) {
        int64_t to_ns = now_ns();
        while (to_ns - from_ns < kStepNs) to_ns = now_ns();
        mine.push_back(to_ns - from_ns);
        from_ns = to_ns;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::vector<int64_t>& mine : steps)
    for (const int64_t ns : mine) latencies.record(ns);
  return {};
}

namespace {

using Measure = Result<void> (*)(const Arguments&, Latencies&);
const std::map<std::string, Measure> kLimits = {
    {"appending", measure_appending}, {"prezeroed", measure_prezeroed},
    {"loopback", measure_loopback},   {"stream", measure_stream},
    {"memcpy", measure_memcpy},       {"processors", measure_processors}};

int run(const std::string& what, const Arguments& arguments) {
  const auto latencies = std::make_unique<Latencies>();
  const auto done = kLimits.at(what)(arguments, *latencies);
  if (!done.ok()) {
    std::fprintf(stderr, "rstmdb_limits: %s\n", done.error().to_string().c_str());
    return 1;
  }
  const double per_second =
      static_cast<double>(latencies->count()) * 1000 / static_cast<double>(arguments.measured_ms);
  std::printf(
      "{\"limit\":\"%s\",\"bytes\":%zu,\"per_second\":%.1f,\"mb_per_second\":%.1f,"
      "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
      what.c_str(), arguments.bytes, per_second,
      per_second * static_cast<double>(arguments.bytes) / 1e6, latencies->percentile_us(0.5),
      latencies->percentile_us(0.99), latencies->percentile_us(1));
  return 0;
}

}  // namespace
}  // namespace rstmdb::bench

int main(int argc, char** argv) {
  rstmdb::bench::Arguments arguments;
  std::string what;
  CLI::App cli("Measures what disk, loopback device and memory give at best.", "rstmdb_limits");
  std::vector<std::string> names;
  for (const auto& [name, measure] : rstmdb::bench::kLimits) names.push_back(name);
  cli.add_option("what", what)->required()->check(CLI::IsMember(names));
  cli.add_option("--folder", arguments.folder, "on the file system to measure")
      ->capture_default_str();
  cli.add_option("--bytes", arguments.bytes, "of each write, message or copy")
      ->capture_default_str()
      ->check(CLI::Range(size_t{1}, rstmdb::bench::kBlockBytes));
  cli.add_option("--measured-ms", arguments.measured_ms)->capture_default_str();
  CLI11_PARSE(cli, argc, argv);
  return rstmdb::bench::run(what, arguments);
}
