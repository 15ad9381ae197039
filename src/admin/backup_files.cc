#include "admin/backup_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "admin/backup_reader.h"
#include "base/crc32c.h"

namespace rstmdb::admin {
namespace {

Error call_failed(std::string_view call, const std::string& path, int number) {
  return Error(Code::kWalIoError, std::string(call) + " " + path + ": " + std::strerror(number))
      .with("call", call)
      .with("path", path)
      .with("errno", int64_t{number});
}

Error read_only(std::string_view call, const std::string& path) {
  return call_failed(call, path, EROFS);
}

class EntryFile final : public io::File {
 public:
  EntryFile(std::shared_ptr<io::File> file, const BackupEntry& entry, uint32_t seed)
      : file_(std::move(file)),
        entry_(entry),
        seed_(seed),
        path_(file_->path() + "/" + entry.name) {}

  Result<size_t> read_at(uint64_t offset, std::span<char> into) override {
    size_t done = 0;
    while (done < into.size() && offset + done < entry_.bytes) {
      const uint64_t at = offset + done;
      RSTMDB_TRY(load_chunk(at / kChunkBytes));
      const std::string_view rest = chunk_body().substr(at % kChunkBytes);
      const size_t part = std::min(rest.size(), into.size() - done);
      std::memcpy(into.data() + done, rest.data(), part);
      done += part;
    }
    return done;
  }

  Result<io::FileStatus> status() override {
    return io::FileStatus{.size = entry_.bytes, .at_path = true};
  }
  void forget_cached() override { file_->forget_cached(); }
  Result<void> close() override { return {}; }
  const std::string& path() const override { return path_; }

  Result<void> write_at(uint64_t, std::string_view) override { return read_only("write", path_); }
  Result<void> sync() override { return read_only("sync", path_); }
  Result<void> truncate(uint64_t) override { return read_only("truncate", path_); }
  Result<void> allocate(uint64_t) override { return read_only("allocate", path_); }

 private:
  std::string_view chunk_body() const { return std::string_view(chunk_).substr(kChunkHeaderBytes); }

  Result<void> load_chunk(uint64_t index) {
    if (loaded_ == index) return {};
    const uint64_t first = index * kChunkBytes;
    const auto body = static_cast<size_t>(std::min<uint64_t>(kChunkBytes, entry_.bytes - first));
    const uint64_t at = place_of(entry_, first) - kChunkHeaderBytes;
    loaded_ = UINT64_MAX;
    chunk_.resize(kChunkHeaderBytes + body);
    RSTMDB_ASSIGN(const size_t got, file_->read_at(at, chunk_));
    ChunkHeader header;
    if (got < chunk_.size() || decode(chunk_, seed_, header) != Reading::kValid ||
        header.kind != ChunkKind::kBytes || header.body_bytes != body ||
        header.body_crc != crc32c(chunk_body()))
      return Error(Code::kWalIoError, file_->path() + ", byte " + std::to_string(at) +
                                          ": a chunk is not what was written")
          .with("code", kBackupDamaged)
          .with("file", file_->path())
          .with("byte", static_cast<int64_t>(at))
          .with("entry", entry_.name);
    loaded_ = index;
    return {};
  }

  const std::shared_ptr<io::File> file_;
  const BackupEntry entry_;
  const uint32_t seed_;
  const std::string path_;
  std::string chunk_;  // header and body of the chunk read last
  uint64_t loaded_ = UINT64_MAX;
};

}  // namespace

BackupFiles::BackupFiles(std::shared_ptr<io::File> file, std::vector<BackupEntry> entries,
                         uint32_t seed)
    : file_(std::move(file)), entries_(std::move(entries)), seed_(seed) {}

const BackupEntry* BackupFiles::find(const std::string& path) const {
  const std::string prefix = file_->path() + "/";
  if (!path.starts_with(prefix)) return nullptr;
  const std::string_view name = std::string_view(path).substr(prefix.size());
  const auto found = std::ranges::find(entries_, name, &BackupEntry::name);
  return found == entries_.end() ? nullptr : &*found;
}

Result<std::unique_ptr<io::File>> BackupFiles::open(const std::string& path, Open how) {
  if (how != Open::kRead) return read_only("open", path);
  const BackupEntry* entry = find(path);
  if (entry == nullptr) return call_failed("open", path, ENOENT);
  return std::unique_ptr<io::File>(std::make_unique<EntryFile>(file_, *entry, seed_));
}

Result<std::vector<std::string>> BackupFiles::list(const std::string& path) {
  std::vector<std::string> names;
  for (const BackupEntry& entry : entries_) {
    const std::string full = file_->path() + "/" + entry.name;
    if (full.starts_with(path + "/")) names.push_back(full.substr(path.size() + 1));
  }
  return names;
}

Result<bool> BackupFiles::exists(const std::string& path) {
  if (find(path) != nullptr) return true;
  RSTMDB_ASSIGN(const std::vector<std::string> names, list(path));
  return !names.empty();
}

Result<void> BackupFiles::rename(const std::string& from, const std::string&) {
  return read_only("rename", from);
}
Result<void> BackupFiles::remove(const std::string& path) { return read_only("remove", path); }
Result<void> BackupFiles::make_folder(const std::string& path) {
  return read_only("make_folder", path);
}
Result<void> BackupFiles::sync_folder(const std::string& path) {
  return read_only("sync_folder", path);
}
Result<std::unique_ptr<io::Lock>> BackupFiles::lock(const std::string& path) {
  return read_only("lock", path);
}
Result<void> BackupFiles::remove_folder(const std::string& path) {
  return read_only("remove_folder", path);
}
Result<uint64_t> BackupFiles::allocated_bytes(const std::string& path) {
  const BackupEntry* entry = find(path);
  if (entry == nullptr) return call_failed("allocated_bytes", path, ENOENT);
  return entry->bytes;
}
Result<uint64_t> BackupFiles::free_bytes(const std::string&) { return uint64_t{0}; }

}  // namespace rstmdb::admin
