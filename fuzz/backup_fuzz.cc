// Arbitrary bytes as a backup: reading must neither crash nor take anything for good that a writer
// would not have written, and what is good is the same when it is read like a folder.
//
// The first byte of the input says whether the checksums of headers and chunks are mended first;
// without that hardly any input would get beyond the header.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "admin/backup_files.h"
#include "admin/backup_reader.h"
#include "admin/backup_writer.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "io/simulated_file_system.h"

namespace {

using namespace rstmdb;

constexpr size_t kSeedAt = 60;

void expect(bool condition) {
  if (!condition) std::abort();
}

/// Gives the header, and each chunk that follows in its place, what its content asks for: magic,
/// number, length within the file, checksums, and the trailer its digest.
void mend(std::string& bytes) {
  if (bytes.size() < admin::kBackupHeaderBytes) return;
  bytes.replace(0, admin::kBackupMagic.size(), admin::kBackupMagic);
  store_le(bytes.data() + 8, admin::kBackupVersion);
  store_le(bytes.data() + 12, uint32_t{64});
  std::fill_n(bytes.begin() + 40, 20, '\0');
  const uint32_t seed = crc32c({bytes.data(), kSeedAt});
  store_le(bytes.data() + kSeedAt, seed);
  uint64_t number = 0;
  for (size_t at = admin::kBackupHeaderBytes; bytes.size() - at >= admin::kChunkHeaderBytes;) {
    const uint64_t rest = bytes.size() - at - admin::kChunkHeaderBytes;
    char* chunk = bytes.data() + at;
    admin::ChunkHeader header;
    header.kind = static_cast<admin::ChunkKind>(1 + (load_le<uint32_t>(chunk + 4) - 1) % 3);
    header.number = number++;
    header.entry = load_le<uint32_t>(chunk + 16) % 8;
    header.body_bytes = load_le<uint32_t>(chunk + 20) % static_cast<uint32_t>(rest + 1);
    char* body = chunk + admin::kChunkHeaderBytes;
    if (header.kind == admin::ChunkKind::kTrailer && header.body_bytes >= 32) {
      Sha256Sum digest;
      digest.update({bytes.data(), at});
      digest.update({body, header.body_bytes - 32});
      std::ranges::copy(digest.finish(), body + header.body_bytes - 32);
    }
    header.body_crc = crc32c({body, header.body_bytes});
    encode(header, seed, chunk);
    at += admin::kChunkHeaderBytes + header.body_bytes;
  }
}

void read(const std::string& bytes) {
  io::SimulatedFileSystem files;
  files.put("/b", bytes);
  std::shared_ptr<io::File> file = files.open("/b", io::FileSystem::Open::kRead).value();
  std::string content;
  const auto contents =
      admin::read_backup(*file, {.bytes = [&](std::string_view part) -> Result<void> {
        content += part;
        return {};
      }});
  if (!contents.ok()) {
    expect(contents.error().code() == Code::kBadRequest);
    expect(contents.error().detail_number("byte", -1) >= 0);
    return;
  }
  // The same files, read one by one, and written once more: the same bytes.
  admin::BackupFiles inside(file, contents->entries, contents->seed);
  auto writer = admin::BackupWriter::create(files, "/again", contents->header);
  std::string by_file;
  for (const admin::BackupEntry& entry : contents->entries) {
    const auto opened = inside.open("/b/" + entry.name, io::FileSystem::Open::kRead);
    std::string part(entry.bytes, '\0');
    expect((*opened)->read_at(0, part).value() == part.size());
    by_file += part;
    expect(writer->begin_entry(entry.name).ok() && writer->write(part).ok());
  }
  expect(by_file == content);
  expect(writer->finish(contents->summary).ok());
  expect(files.content("/again") == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 1) mend(bytes);
  read(bytes);
  return 0;
}
