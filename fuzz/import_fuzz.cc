// Arbitrary lines as an import: it must not crash, what is refused is named by line and column, and
// what is taken comes out of an export as it went in.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "admin/export.h"
#include "io/random.h"
#include "io/simulated_file_system.h"

namespace {

using namespace rstmdb;

struct NoRandom final : io::Random {
  void fill(std::span<char> bytes) override {
    for (char& byte : bytes) byte = 7;
  }
};

struct NoClock final : io::Clock {
  int64_t wall_ms() override { return 1'000'000; }
  int64_t steady_ns() override { return 0; }
};

void expect(bool condition) {
  if (!condition) std::abort();
}

struct World {
  io::SimulatedFileSystem files;
  NoClock clock;
  NoRandom random;
  admin::Progress progress{
      {.clock = clock, .style = admin::Progress::Style::kNothing, .show = [](std::string_view) {}}};

  Result<admin::StateReport> take(const std::string& lines, const std::string& folder) {
    size_t at = 0;
    return admin::import_lines({.files = files,
                                .clock = clock,
                                .random = random,
                                .data_folder = folder,
                                .progress = progress},
                               [&](std::span<char> into) -> Result<size_t> {
                                 const size_t part = std::min(into.size(), lines.size() - at);
                                 std::copy_n(lines.data() + at, part, into.data());
                                 at += part;
                                 return part;
                               });
  }

  std::string give(const std::string& folder) {
    std::string lines;
    const auto report = admin::export_lines(
        {.files = files, .data_folder = folder, .version = "0", .progress = progress},
        [&](std::string_view bytes) {
          lines += bytes;
          return Result<void>();
        });
    expect(report.ok());
    return lines;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string lines(reinterpret_cast<const char*>(data), size);
  World world;
  const auto taken = world.take(lines, "/first");
  if (!taken.ok()) {
    expect(taken.error().code() == Code::kBadRequest);
    expect(!taken.error().detail("reason").empty());
    expect(world.files.paths().empty());
    return 0;
  }
  const std::string given = world.give("/first");
  const auto again = world.take(given, "/second");
  expect(again.ok() && again->counts.hash == taken->counts.hash);
  expect(world.give("/second") == given);
  return 0;
}
