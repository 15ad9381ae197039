// Arbitrary bytes as the only segment of a log: opening and reading must neither crash nor give a
// unit that the file does not hold with a right checksum.
//
// The first byte of the input says whether the checksums of headers are mended first; without that
// hardly any input would get beyond the segment header.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "io/simulated_file_system.h"
#include "log/manual_executor.h"
#include "log/segment_format.h"
#include "log/segment_log.h"

namespace {

using namespace rstmdb;

struct NoRandom final : io::Random {
  void fill(std::span<char> bytes) override {
    for (char& byte : bytes) byte = 7;
  }
};

void expect(bool condition) {
  if (!condition) std::abort();
}

/// Gives the segment header, and each group that follows in its place, the checksums that its
/// content asks for.
void mend(std::string& bytes) {
  if (bytes.size() < log::kSegmentHeaderBytes) return;
  bytes.replace(0, log::kSegmentMagic.size(), log::kSegmentMagic);
  store_le(bytes.data() + 60, crc32c({bytes.data(), 60}));
  log::DatabaseId database;
  std::copy_n(bytes.data() + 16, database.size(), database.data());
  const uint32_t seed = log::group_seed(database);
  uint32_t chain = load_le<uint32_t>(bytes.data() + 60);
  for (size_t at = log::kSegmentHeaderBytes; bytes.size() - at >= log::kGroupHeaderBytes;) {
    char* group = bytes.data() + at;
    const uint64_t rest = bytes.size() - at - log::kGroupHeaderBytes;
    const uint32_t body = load_le<uint32_t>(group + 40) % static_cast<uint32_t>(rest + 1);
    std::copy_n(log::kGroupMagic.data(), log::kGroupMagic.size(), group);
    store_le(group + 40, body);
    store_le(group + 44, chain);
    store_le(group + 48, crc32c({group + log::kGroupHeaderBytes, body}));
    chain = crc32c({group, 60}, seed);
    store_le(group + 60, chain);
    at += log::kGroupHeaderBytes + body;
  }
}

/// A unit is in the file when its header, with the right checksum, and its bytes are.
bool holds(const std::string& file, const log::Unit& unit) {
  std::string stored;
  log::append_unit(stored, unit);
  return file.find(stored) != std::string::npos;
}

void open_and_read(const std::string& bytes) {
  io::SimulatedFileSystem files;
  const log::Offset first = bytes.size() >= 48 ? load_le<uint64_t>(bytes.data() + 40) : 1;
  const std::string path = "/log/" + log::segment_name(first);
  files.put(path, bytes);
  log::ManualClock clock;
  log::ManualLoop loop(clock);
  log::ManualWorker worker(loop);
  NoRandom random;
  auto opened = log::SegmentLog::open({.files = files,
                                       .loop = loop,
                                       .worker = worker,
                                       .background = worker,
                                       .clock = clock,
                                       .random = random,
                                       .folder = "/log"});
  if (!opened.ok()) {
    expect(opened.error().code() == Code::kWalIoError);
    expect(!opened.error().detail("file").empty());
    return;
  }
  const log::Offset oldest = opened->log->stats().oldest_offset;
  auto cursor = opened->log->read_from(oldest);
  expect(oldest == 0 || cursor.ok());
  if (!cursor.ok()) return;
  log::Offset next = oldest;
  while (true) {
    const auto unit = (*cursor)->next();
    if (!unit.ok() || !unit->has_value()) break;
    expect((*unit)->first_offset == next);
    expect(holds(bytes, **unit));
    next += (*unit)->record_count;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) mend(bytes);
  open_and_read(bytes);
  return 0;
}
