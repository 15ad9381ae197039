#include "admin/backup_reader.h"

#include <utility>

#include "base/crc32c.h"
#include "base/limits.h"
#include "log/file_window.h"

namespace rstmdb::admin {
namespace {

constexpr size_t kReadBytes = 1024 * 1024;
constexpr size_t kTrailerBytesMax = 128 + limits::kBackupEntriesMax * 64;

class Reader {
 public:
  Reader(io::File& file, const BackupSink& sink) : file_(file), sink_(sink) {}

  Result<BackupContents> run() {
    RSTMDB_ASSIGN(size_, file_.size());
    found_.file_bytes = size_;
    window_.look_at(file_);
    RSTMDB_TRY(read_header());
    while (!complete_) {
      RSTMDB_TRY(read_chunk());
      if (sink_.progress) RSTMDB_TRY(sink_.progress(at_));
    }
    if (at_ < size_) return fault(at_, size_ - at_, "something follows the trailer");
    return std::move(found_);
  }

 private:
  Result<std::string_view> fetch(uint64_t at, size_t bytes, std::string_view what) {
    RSTMDB_ASSIGN(const std::string_view got, window_.fetch(at, bytes, size_));
    if (got.size() < bytes) return fault(size_, 0, "the file ends inside of " + std::string(what));
    return got;
  }

  Result<void> read_header() {
    RSTMDB_ASSIGN(const std::string_view bytes, fetch(0, kBackupHeaderBytes, "its header"));
    switch (decode(bytes, found_.header, found_.seed)) {
      case Reading::kValid:
        break;
      case Reading::kDamaged: {
        const auto wrong = wrong_byte_of_header(bytes, kBackupHeaderBytes - 4, 0);
        if (wrong) return fault(*wrong, 1, "a byte of the header is wrong");
        return fault(0, kBackupHeaderBytes, "this is not the header of a backup");
      }
      case Reading::kUnknown:
        return unknown(0);
    }
    digest_.update(bytes);
    at_ = kBackupHeaderBytes;
    return {};
  }

  Result<void> read_chunk() {
    RSTMDB_ASSIGN(std::string_view bytes, fetch(at_, kChunkHeaderBytes, "a chunk's header"));
    ChunkHeader header;
    switch (decode(bytes, found_.seed, header)) {
      case Reading::kValid:
        break;
      case Reading::kDamaged: {
        const auto wrong = wrong_byte_of_header(bytes, kChunkHeaderBytes - 4, found_.seed);
        if (wrong) return fault(at_ + *wrong, 1, "a byte of a chunk's header is wrong");
        return fault(at_, kChunkHeaderBytes, "this is not the header of a chunk");
      }
      case Reading::kUnknown:
        return unknown(at_);
    }
    if (header.number != next_chunk_) return fault(at_, kChunkHeaderBytes, "another chunk is due");
    const size_t body_max = header.kind == ChunkKind::kTrailer ? kTrailerBytesMax : kChunkBytes;
    if (header.body_bytes > body_max)
      return fault(at_, kChunkHeaderBytes, "a chunk is longer than any can be");
    // The digest needs the header's bytes again, so both are fetched in one piece.
    RSTMDB_ASSIGN(bytes, fetch(at_, kChunkHeaderBytes + header.body_bytes, "a chunk"));
    const std::string_view body = bytes.substr(kChunkHeaderBytes);
    if (const uint32_t crc = crc32c(body); crc != header.body_crc) return wrong_body(header, crc);
    if (header.kind == ChunkKind::kTrailer) {
      if (header.entry != 0) return fault(at_, kChunkHeaderBytes, "the trailer is of no entry");
      RSTMDB_TRY(read_trailer(body));
    } else {
      RSTMDB_TRY(header.kind == ChunkKind::kEntry ? read_entry(header, body)
                                                  : read_bytes(header, body));
      digest_.update(bytes);
    }
    at_ += bytes.size();
    ++next_chunk_;
    return {};
  }

  Error wrong_body(const ChunkHeader& header, uint32_t crc) const {
    const uint64_t body_at = at_ + kChunkHeaderBytes;
    const bool content = header.kind == ChunkKind::kBytes;
    const auto wrong = find_wrong_byte(header.body_bytes, crc, header.body_crc);
    if (!wrong || *wrong >= header.body_bytes)
      return fault(body_at, header.body_bytes, "a checksum is wrong");
    return fault(body_at + *wrong, 1, "this byte is wrong", content ? *wrong : 0);
  }

  Result<void> read_entry(const ChunkHeader& header, std::string_view name) {
    if (header.entry != found_.entries.size() + 1)
      return fault(at_, kChunkHeaderBytes, "another entry is due");
    if (header.entry > limits::kBackupEntriesMax)
      return fault(at_, kChunkHeaderBytes, "more entries than a backup can have");
    const bool ascending = found_.entries.empty() || found_.entries.back().name < name;
    if (!is_entry_name(name) || !ascending)
      return fault(at_ + kChunkHeaderBytes, name.size(), "this cannot be the name of an entry");
    found_.entries.push_back({.name = std::string(name),
                              .bytes = 0,
                              .first_chunk_at = at_ + kChunkHeaderBytes + name.size()});
    short_chunk_ = false;
    return sink_.begin_entry ? sink_.begin_entry(found_.entries.back()) : Result<void>();
  }

  Result<void> read_bytes(const ChunkHeader& header, std::string_view body) {
    if (header.entry == 0 || header.entry != found_.entries.size())
      return fault(at_, kChunkHeaderBytes, "a chunk of another entry");
    if (short_chunk_ || body.empty())
      return fault(at_, kChunkHeaderBytes, "a chunk behind the end of its entry");
    short_chunk_ = body.size() < kChunkBytes;
    if (sink_.bytes) RSTMDB_TRY(sink_.bytes(body));
    found_.entries.back().bytes += body.size();
    content_bytes_ += body.size();
    return {};
  }

  Result<void> read_trailer(std::string_view body) {
    const uint64_t body_at = at_ + kChunkHeaderBytes;
    std::vector<BackupEntry> table;
    if (body.size() < sizeof(Sha256)) return fault(body_at, body.size(), "this is not a trailer");
    const std::string_view promised = body.substr(body.size() - sizeof(Sha256));
    body.remove_suffix(sizeof(Sha256));
    if (!decode_trailer(body, found_.summary, table) || !same_as_read(table))
      return fault(body_at, body.size(), "the trailer lists other entries than there are");
    digest_.update(body);
    found_.digest = digest_.finish();
    if (promised != std::string_view(found_.digest.data(), found_.digest.size()))
      return fault(0, body_at, "the digest of the whole is another");
    complete_ = true;
    return {};
  }

  bool same_as_read(const std::vector<BackupEntry>& table) const {
    if (table.size() != found_.entries.size()) return false;
    for (size_t i = 0; i < table.size(); ++i)
      if (table[i].name != found_.entries[i].name || table[i].bytes != found_.entries[i].bytes)
        return false;
    return found_.summary.content_bytes == content_bytes_;
  }

  /// A fault at `byte` of the file, which is `within` the chunk whose bytes come next in the entry.
  Error fault(uint64_t byte, uint64_t bytes, std::string_view what, size_t within = 0) const {
    std::string text = file_.path() + ", byte " + std::to_string(byte) + ": ";
    text.append(what);
    Error error = Error(Code::kBadRequest, std::move(text))
                      .with("code", kBackupDamaged)
                      .with("file", file_.path())
                      .with("byte", static_cast<int64_t>(byte))
                      .with("bytes", static_cast<int64_t>(bytes));
    if (found_.entries.empty()) return error;
    const BackupEntry& entry = found_.entries.back();
    return std::move(error)
        .with("entry", entry.name)
        .with("entry_byte", static_cast<int64_t>(entry.bytes + within));
  }

  Error unknown(uint64_t byte) const {
    return Error(Code::kBadRequest,
                 file_.path() + " was written by a version of rstmdb that this one does not know")
        .with("code", kBackupUnknownVersion)
        .with("file", file_.path())
        .with("byte", static_cast<int64_t>(byte));
  }

  io::File& file_;
  const BackupSink& sink_;
  log::FileWindow window_{kReadBytes};
  BackupContents found_;
  Sha256Sum digest_;
  uint64_t size_ = 0;
  uint64_t at_ = 0;  // of the chunk that is read
  uint64_t next_chunk_ = 0;
  uint64_t content_bytes_ = 0;
  bool short_chunk_ = false;  // the entry's last chunk has been read
  bool complete_ = false;
};

}  // namespace

Result<BackupContents> read_backup(io::File& file, const BackupSink& sink) {
  return Reader(file, sink).run();
}

}  // namespace rstmdb::admin
