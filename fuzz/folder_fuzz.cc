// The input is the listing of a data folder, a name a line. What must hold: the names of segments
// and snapshots that are taken are exactly those that we would give, they come in ascending order,
// and a name that only ends like one is damage with its path.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "log/segment_format.h"
#include "log/segment_scan.h"
#include "snapshot/format.h"

namespace {

std::vector<std::string> lines_of(std::string_view input) {
  std::vector<std::string> lines;
  while (!input.empty()) {
    const size_t end = std::min(input.find('\n'), input.size());
    lines.emplace_back(input.substr(0, end));
    input.remove_prefix(std::min(end + 1, input.size()));
  }
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace rstmdb;
  const std::vector<std::string> names = lines_of({reinterpret_cast<const char*>(bytes), size});
  size_t segments = 0;
  bool sound = true;
  for (const std::string& name : names) {
    const auto segment = log::parse_segment_name(name);
    if (segment) RSTMDB_CHECK(log::segment_name(*segment) == name, name);
    const auto snapshot = snapshot::parse_snapshot_name(name);
    if (snapshot) RSTMDB_CHECK(snapshot::snapshot_name(*snapshot) == name, name);
    RSTMDB_CHECK(!segment || !snapshot, name);
    segments += segment.has_value();
    sound = sound && (segment || !name.ends_with(".seg"));
  }
  const auto found = log::segments_among("wal", names);
  RSTMDB_CHECK(found.ok() == sound, found.ok() ? "" : found.error().to_string());
  if (!found.ok()) {
    RSTMDB_CHECK(found.error().detail("file").starts_with("wal/"), found.error().to_string());
    return 0;
  }
  RSTMDB_CHECK(found->size() == segments, "");
  RSTMDB_CHECK(std::ranges::is_sorted(*found), "");
  return 0;
}
