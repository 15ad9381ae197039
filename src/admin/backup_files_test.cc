// The files of a backup are read like those of a folder, and cannot be written.
#include "admin/backup_files.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "admin/backup_reader.h"
#include "admin/backup_writer.h"
#include "io/simulated_file_system.h"

namespace rstmdb::admin {
namespace {

using Open = io::FileSystem::Open;

const std::string kSegment = "wal/00000000000000000001.seg";
const std::string kSnapshot = "snapshots/00000000000000000007.snap";

class BackupFilesTest : public testing::Test {
 protected:
  BackupFilesTest() {
    for (size_t i = 0; i < 3 * kChunkBytes + 5; ++i)
      content.push_back(static_cast<char>(i * 31 + i / 251));
    auto writer = BackupWriter::create(disk, "/b", {});
    EXPECT_TRUE(writer->begin_entry(kSnapshot).ok() && writer->write("snapshot").ok());
    EXPECT_TRUE(writer->begin_entry(kSegment).ok() && writer->write(content).ok());
    EXPECT_TRUE(writer->finish({}).ok());
    open();
  }

  void open() {
    std::shared_ptr<io::File> file = disk.open("/b", Open::kRead).value();
    auto contents = read_backup(*file, {});
    if (contents.ok()) {
      entries = contents->entries;
      seed = contents->seed;
    }
    files = std::make_unique<BackupFiles>(file, entries, seed);
  }

  io::SimulatedFileSystem disk;
  std::string content;
  std::vector<BackupEntry> entries;
  uint32_t seed = 0;
  std::unique_ptr<BackupFiles> files;
};

TEST_F(BackupFilesTest, any_part_of_a_file_can_be_read) {
  const auto file = files->open("/b/" + kSegment, Open::kRead);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)->size().value(), content.size());
  for (size_t at = 0; at < content.size() + 10; at += 7919) {
    for (const size_t size : {size_t{0}, size_t{1}, size_t{100}, kChunkBytes, 2 * kChunkBytes}) {
      std::string part(size, '\0');
      const size_t got = (*file)->read_at(at, part).value();
      ASSERT_EQ(part.substr(0, got), at < content.size() ? content.substr(at, size) : "");
    }
  }
}

TEST_F(BackupFilesTest, folders_are_listed) {
  EXPECT_EQ(files->list("/b/wal").value(), std::vector<std::string>{kSegment.substr(4)});
  EXPECT_EQ(files->list("/b/snapshots").value(), std::vector<std::string>{kSnapshot.substr(10)});
  EXPECT_TRUE(files->exists("/b/wal").value());
  EXPECT_TRUE(files->exists("/b/" + kSnapshot).value());
  EXPECT_FALSE(files->exists("/b/other").value());
  EXPECT_EQ(files->open("/b/other", Open::kRead).error().detail_number("errno", 0), ENOENT);
  EXPECT_EQ(files->open("/c/" + kSegment, Open::kRead).error().detail_number("errno", 0), ENOENT);
}

TEST_F(BackupFilesTest, nothing_can_be_written) {
  const std::string path = "/b/" + kSegment;
  const auto refused = [](const Result<void>& result) {
    return !result.ok() && result.error().detail_number("errno", 0) == EROFS;
  };
  EXPECT_FALSE(files->open(path, Open::kReadWrite).ok());
  EXPECT_FALSE(files->open("/b/new", Open::kCreateNew).ok());
  EXPECT_TRUE(refused(files->rename(path, path + "2")));
  EXPECT_TRUE(refused(files->remove(path)));
  EXPECT_TRUE(refused(files->remove_folder("/b/wal")));
  EXPECT_TRUE(refused(files->make_folder("/b/x")));
  EXPECT_TRUE(refused(files->sync_folder("/b/wal")));
  EXPECT_FALSE(files->lock("/b/LOCK").ok());
  const auto file = files->open(path, Open::kRead);
  EXPECT_TRUE(refused((*file)->write_at(0, "x")));
  EXPECT_TRUE(refused((*file)->truncate(0)));
  EXPECT_TRUE(refused((*file)->allocate(1)));
  EXPECT_TRUE(refused((*file)->sync()));
}

TEST_F(BackupFilesTest, a_chunk_that_changes_after_the_check_is_not_given) {
  std::string bytes = disk.content("/b");
  const size_t at = place_of(entries[1], kChunkBytes + 10);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  disk.put("/b", bytes);
  open();
  const auto file = files->open("/b/" + kSegment, Open::kRead);
  std::string part(10, '\0');
  EXPECT_TRUE((*file)->read_at(0, part).ok());
  const auto wrong = (*file)->read_at(kChunkBytes, part);
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().detail("code"), kBackupDamaged);
  EXPECT_EQ(wrong.error().detail("entry"), kSegment);
  EXPECT_TRUE((*file)->read_at(2 * kChunkBytes, part).ok());
}

}  // namespace
}  // namespace rstmdb::admin
