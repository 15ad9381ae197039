#include "io/small_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace rstmdb::io {
namespace {

class SmallFile : public testing::Test {
 protected:
  SmallFile() {
    std::string pattern = std::filesystem::temp_directory_path() / "rstmdb_small_XXXXXX";
    folder = ::mkdtemp(pattern.data());
  }
  ~SmallFile() override { std::filesystem::remove_all(folder); }

  std::string write(const std::string& content, mode_t mode) {
    const std::string path = folder / "file";
    std::ofstream(path, std::ios::binary) << content;
    ::chmod(path.c_str(), mode);
    return path;
  }
  std::filesystem::path folder;
};

TEST_F(SmallFile, ReadsUpToItsBound) {
  const std::string content = std::string(40'000, 'x') + '\0' + "end";
  const std::string path = write(content, 0644);
  EXPECT_EQ(*read_small_file(path, content.size(), Readers::kAnyone), content);
  const auto larger = read_small_file(path, content.size() - 1, Readers::kAnyone);
  ASSERT_FALSE(larger.ok());
  EXPECT_EQ(larger.error().detail("file"), path);
  EXPECT_EQ(*read_small_file(write("", 0600), 0, Readers::kOwnerOnly), "");
}

TEST_F(SmallFile, FollowsALink) {
  const std::string path = write("content", 0600);
  std::filesystem::create_symlink(path, folder / "link");
  EXPECT_EQ(*read_small_file(folder / "link", 100, Readers::kOwnerOnly), "content");
}

TEST_F(SmallFile, OwnerOnlyRefusesEveryRightOfOthers) {
  for (const mode_t mode : {0640, 0620, 0610, 0604, 0602, 0601}) {
    const std::string path = write("secret", mode);
    const auto read = read_small_file(path, 100, Readers::kOwnerOnly);
    ASSERT_FALSE(read.ok()) << std::oct << mode;
    EXPECT_EQ(read.error().code(), Code::kBadRequest);
    EXPECT_TRUE(read_small_file(path, 100, Readers::kAnyone).ok());
  }
  EXPECT_TRUE(read_small_file(write("secret", 0400), 100, Readers::kOwnerOnly).ok());
}

TEST_F(SmallFile, RefusesWhatIsNoFileWithoutWaiting) {
  const std::string pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& path : {pipe, folder.string(), std::string("/dev/zero")}) {
    const auto read = read_small_file(path, 100, Readers::kAnyone);
    ASSERT_FALSE(read.ok()) << path;
    EXPECT_EQ(read.error().detail("file"), path);
  }
  const auto missing = read_small_file(folder / "missing", 100, Readers::kAnyone);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().detail_number("errno", 0), ENOENT);
}

}  // namespace
}  // namespace rstmdb::io
