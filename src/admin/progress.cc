#include "admin/progress.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace rstmdb::admin {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

}  // namespace

void Progress::begin(std::string_view what, uint64_t total) {
  what_ = what;
  total_ = total;
  done_ = 0;
  begun_ns_ = shown_ns_ = options_.clock.steady_ns();
}

Result<void> Progress::at(uint64_t done) {
  done_ = done;
  if (options_.interrupted())
    return Error(Code::kConflict, what_ + " was interrupted").with("code", "INTERRUPTED");
  const int64_t now_ns = options_.clock.steady_ns();
  if (now_ns - shown_ns_ < kSecondNs) return {};
  shown_ns_ = now_ns;
  show(now_ns, options_.style == Style::kSameLine ? "" : "\n");
  return {};
}

void Progress::end() {
  total_ = std::max(total_, done_);
  if (total_ != 0) done_ = total_;
  show(options_.clock.steady_ns(), "\n");
}

void Progress::show(int64_t now_ns, std::string_view end_of_line) {
  if (options_.style == Style::kNothing) return;
  const double seconds = static_cast<double>(std::max<int64_t>(now_ns - begun_ns_, 1)) /
                         static_cast<double>(kSecondNs);
  std::string line = options_.style == Style::kSameLine ? "\r\x1b[K" : "";
  line += what_ + ": " + readable_bytes(done_);
  if (total_ != 0) {
    const auto percent = static_cast<unsigned>(
        100.0 * std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_)));
    line += " of " + readable_bytes(total_) + " (" + std::to_string(percent) + "%)";
  }
  line += ", " + readable_bytes(static_cast<uint64_t>(static_cast<double>(done_) / seconds)) + "/s";
  char elapsed[32];
  std::snprintf(elapsed, sizeof elapsed, ", %.1f s", seconds);
  line += elapsed;
  line += end_of_line;
  options_.show(line);
}

std::string readable_bytes(uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  while (amount >= 1000 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || amount >= 100 ? "%.0f %s" : "%.1f %s", amount,
                kUnits[unit]);
  return text;
}

}  // namespace rstmdb::admin
