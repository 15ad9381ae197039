// One contract for both file systems, then what only one of them has.
#include "io/file_system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <memory>

#include "io/simulated_file_system.h"

namespace rstmdb::io {
namespace {

using Open = FileSystem::Open;

struct Place {
  virtual ~Place() = default;
  virtual FileSystem& files() = 0;
  virtual std::string folder() = 0;
};

struct PosixPlace final : Place {
  PosixPlace() {
    std::string pattern = (std::filesystem::temp_directory_path() / "rstmdb-io-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~PosixPlace() override {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  FileSystem& files() override { return system_file_system(); }
  std::string folder() override { return path; }
  std::string path;
};

struct SimulatedPlace final : Place {
  SimulatedPlace() { EXPECT_TRUE(system.make_folder("/place").ok()); }
  FileSystem& files() override { return system; }
  std::string folder() override { return "/place"; }
  SimulatedFileSystem system;
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<Place>()> make;
};

class FileSystemContract : public ::testing::TestWithParam<Kind> {
 protected:
  std::unique_ptr<File> create(const std::string& name) {
    auto file = files_.open(at(name), Open::kCreateNew);
    EXPECT_TRUE(file.ok());
    return file.ok() ? std::move(*file) : nullptr;
  }
  std::string at(const std::string& name) { return folder_ + "/" + name; }
  static std::string read(File& file, uint64_t offset, size_t size) {
    std::string bytes(size, '?');
    bytes.resize(file.read_at(offset, bytes).value());
    return bytes;
  }

  std::unique_ptr<Place> place_ = GetParam().make();
  FileSystem& files_ = place_->files();
  std::string folder_ = place_->folder();
};

TEST_P(FileSystemContract, written_bytes_are_read_back_with_zeros_between) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(3, "abc").ok());
  EXPECT_EQ(file->size().value(), 6u);
  EXPECT_EQ(read(*file, 0, 100), std::string("\0\0\0abc", 6));
  EXPECT_EQ(read(*file, 4, 1), "b");
  EXPECT_EQ(read(*file, 6, 1), "");
  ASSERT_TRUE(file->write_at(4, "XYZ").ok());
  EXPECT_EQ(read(*file, 3, 10), "aXYZ");
}

TEST_P(FileSystemContract, zeros_are_written_over_what_was_there_and_behind_it) {
  auto file = create("a");
  const std::string old(10'000, 'x');
  ASSERT_TRUE(file->write_at(0, old).ok());
  ASSERT_TRUE(file->write_zeros(4096, 3 * 1024 * 1024).ok());  // whole pages
  EXPECT_EQ(file->size().value(), 4096u + 3 * 1024 * 1024);
  EXPECT_EQ(read(*file, 0, 4096), old.substr(0, 4096));
  EXPECT_EQ(read(*file, 4096, 4 * 1024 * 1024), std::string(3 * 1024 * 1024, '\0'));
  ASSERT_TRUE(file->write_zeros(10, 33).ok());  // and less than one
  EXPECT_EQ(read(*file, 0, 50), "xxxxxxxxxx" + std::string(33, '\0') + "xxxxxxx");
  ASSERT_TRUE(file->write_at(5000, "abc").ok());
  EXPECT_EQ(read(*file, 4999, 5), std::string("\0abc\0", 5));
}

TEST_P(FileSystemContract, truncate_and_allocate_set_the_size) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(0, "abcdef").ok());
  ASSERT_TRUE(file->truncate(2).ok());
  EXPECT_EQ(read(*file, 0, 10), "ab");
  ASSERT_TRUE(file->allocate(5).ok());
  EXPECT_EQ(read(*file, 0, 10), std::string("ab\0\0\0", 5));
  ASSERT_TRUE(file->allocate(1).ok());
  EXPECT_EQ(file->size().value(), 5u);
}

TEST_P(FileSystemContract, create_new_refuses_what_exists_and_open_what_does_not) {
  auto file = create("a");
  const auto again = files_.open(at("a"), Open::kCreateNew);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), Code::kWalIoError);
  EXPECT_EQ(again.error().detail("call"), "open");
  EXPECT_EQ(again.error().detail("path"), at("a"));
  EXPECT_EQ(again.error().detail_number("errno", 0), EEXIST);
  const auto none = files_.open(at("b"), Open::kRead);
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().detail_number("errno", 0), ENOENT);
  EXPECT_FALSE(files_.open(folder_, Open::kRead).ok());
}

TEST_P(FileSystemContract, removes_a_folder_only_when_it_is_empty) {
  ASSERT_TRUE(files_.make_folder(at("f")).ok());
  ASSERT_NE(create("f/a"), nullptr);
  EXPECT_EQ(files_.remove_folder(at("f")).error().detail_number("errno", 0), ENOTEMPTY);
  ASSERT_TRUE(files_.remove(at("f/a")).ok());
  ASSERT_TRUE(files_.remove_folder(at("f")).ok());
  EXPECT_FALSE(files_.exists(at("f")).value());
  EXPECT_EQ(files_.remove_folder(at("f")).error().detail_number("errno", 0), ENOENT);
}

TEST_P(FileSystemContract, names_change_and_open_files_live_on) {
  auto file = create("a");
  create("c");
  ASSERT_TRUE(file->write_at(0, "A").ok());
  ASSERT_TRUE(files_.rename(at("a"), at("b")).ok());
  EXPECT_FALSE(files_.exists(at("a")).value());
  EXPECT_EQ(files_.list(folder_).value(), (std::vector<std::string>{"b", "c"}));
  ASSERT_TRUE(files_.remove(at("b")).ok());
  EXPECT_EQ(files_.list(folder_).value(), (std::vector<std::string>{"c"}));
  EXPECT_EQ(read(*file, 0, 1), "A");
  EXPECT_EQ(files_.remove(at("b")).error().detail_number("errno", 0), ENOENT);
  EXPECT_EQ(files_.rename(at("b"), at("x")).error().detail_number("errno", 0), ENOENT);
}

TEST_P(FileSystemContract, folders_are_made_with_their_parents) {
  ASSERT_TRUE(files_.make_folder(at("x/y/z")).ok());
  ASSERT_TRUE(files_.make_folder(at("x/y/z")).ok());
  EXPECT_TRUE(files_.exists(at("x/y/z")).value());
  EXPECT_TRUE(files_.sync_folder(at("x/y")).ok());
  EXPECT_EQ(files_.sync_folder(at("none")).error().detail("call"), "sync_folder");
  EXPECT_FALSE(files_.list(at("none")).ok());
  create("file");
  EXPECT_FALSE(files_.make_folder(at("file")).ok());
}

TEST_P(FileSystemContract, a_lock_is_held_once_and_gone_with_its_object) {
  auto lock = files_.lock(at("LOCK"));
  ASSERT_TRUE(lock.ok());
  const auto second = files_.lock(at("LOCK"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), Code::kConflict);
  lock->reset();
  EXPECT_TRUE(files_.lock(at("LOCK")).ok());
}

TEST_P(FileSystemContract, a_file_knows_whether_its_path_leads_to_it) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(0, "abc").ok());
  EXPECT_TRUE(file->status()->at_path);
  EXPECT_EQ(file->status()->size, 3u);
  ASSERT_TRUE(files_.rename(at("a"), at("b")).ok());
  EXPECT_FALSE(file->status()->at_path) << "moved";
  ASSERT_TRUE(files_.rename(at("b"), at("a")).ok());
  EXPECT_TRUE(file->status()->at_path);
  ASSERT_TRUE(files_.remove(at("a")).ok());
  EXPECT_FALSE(file->status()->at_path) << "removed";
  create("a");
  EXPECT_FALSE(file->status()->at_path) << "replaced";
  EXPECT_EQ(file->status()->size, 3u);
}

TEST_P(FileSystemContract, a_lock_holds_as_long_as_its_file_is_in_its_place) {
  auto lock = files_.lock(at("LOCK"));
  ASSERT_TRUE(lock.ok());
  EXPECT_TRUE((*lock)->holds().value());
  ASSERT_TRUE(files_.remove(at("LOCK")).ok());
  EXPECT_FALSE((*lock)->holds().value());
  const auto rival = files_.lock(at("LOCK"));
  ASSERT_TRUE(rival.ok()) << "nothing keeps a second process out any more";
  EXPECT_FALSE((*lock)->holds().value());
  EXPECT_TRUE((*rival)->holds().value());
}

TEST_P(FileSystemContract, syncing_and_closing_go_well) {
  auto file = create("a");
  ASSERT_TRUE(file->write_at(0, "x").ok());
  EXPECT_TRUE(file->sync().ok());
  EXPECT_TRUE(file->close().ok());
  EXPECT_GT(files_.free_bytes(folder_).value(), 0u);
}

template <class Made>
Kind kind(std::string name) {
  return {std::move(name), [] { return std::make_unique<Made>(); }};
}
INSTANTIATE_TEST_SUITE_P(Both, FileSystemContract,
                         ::testing::Values(kind<PosixPlace>("posix"),
                                           kind<SimulatedPlace>("simulated")),
                         [](const auto& tested) { return tested.param.name; });

TEST(PosixFileSystem, files_are_private_and_links_are_not_followed) {
  PosixPlace place;
  FileSystem& files = place.files();
  const std::string file = place.path + "/file";
  const std::string folder = place.path + "/folder";
  ASSERT_TRUE(files.open(file, Open::kCreateNew).ok());
  ASSERT_TRUE(files.make_folder(folder).ok());
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(folder.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  const std::string link = place.path + "/link";
  ASSERT_EQ(::symlink(file.c_str(), link.c_str()), 0);
  EXPECT_EQ(files.open(link, Open::kRead).error().detail_number("errno", 0), ELOOP);
  EXPECT_EQ(files.lock(link).error().detail_number("errno", 0), ELOOP);
  const std::string folder_link = place.path + "/folder-link";
  ASSERT_EQ(::symlink(folder.c_str(), folder_link.c_str()), 0);
  EXPECT_EQ(files.list(folder_link).error().detail_number("errno", 0), ENOTDIR);
  const std::string pipe = place.path + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(files.open(pipe, Open::kReadWrite).ok());
}

// The folder above the data folder may be a link to another disk.
TEST(PosixFileSystem, a_folder_is_synced_through_a_link) {
  PosixPlace place;
  FileSystem& files = place.files();
  ASSERT_TRUE(files.make_folder(place.path + "/folder").ok());
  const std::string link = place.path + "/link";
  ASSERT_EQ(::symlink((place.path + "/folder").c_str(), link.c_str()), 0);
  EXPECT_TRUE(files.sync_folder(link).ok());
  EXPECT_TRUE(files.make_folder(link + "/inner").ok());
}

int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

int64_t ticking_clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return nanoseconds(now);
}

constexpr int kFiles = 100;

/// How many of kFiles, on which `look` is called between two writes within a tick of the clock,
/// have a time between ticks afterwards.
template <class Look>
int exact_times(Look look) {
  PosixPlace place;
  int exact = 0;
  for (int i = 0; i < kFiles; ++i) {
    const std::string path = place.path + "/" + std::to_string(i);
    const auto file = place.files().open(path, Open::kCreateNew).value();
    // A ticking time is never before the last exact one, wherever that was given.
    const int64_t tick_ns = ticking_clock_ns();
    int64_t before_ns = tick_ns;
    while (before_ns == tick_ns) before_ns = ticking_clock_ns();
    EXPECT_TRUE(file->write_at(0, "bytes").ok());
    look(*file);
    EXPECT_TRUE(file->write_at(0, "other").ok());
    const int64_t after_ns = ticking_clock_ns();
    struct stat status{};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    const int64_t shown_ns = nanoseconds(status.st_mtim);
    exact += shown_ns != before_ns && shown_ns != after_ns ? 1 : 0;
  }
  return exact;
}

TEST(PosixFileSystem, a_look_at_a_file_leaves_its_next_write_as_cheap_as_it_was) {
  const int with_times = exact_times([](File& file) {
    struct stat seen{};
    EXPECT_EQ(::stat(file.path().c_str(), &seen), 0);
  });
  const int with_status = exact_times([](File& file) { EXPECT_TRUE(file.status().ok()); });
  // Some may be, because of exact times elsewhere on the machine. Before Linux 6.13 there are none.
  EXPECT_LE(with_status, with_times / 2) << with_times;
}

}  // namespace
}  // namespace rstmdb::io
