#include "admin/draft_folder.h"

#include <algorithm>
#include <array>
#include <utility>

#include "admin/data_folder.h"

namespace rstmdb::admin {
namespace {

/// From the inside to the outside.
std::array<std::string, 3> folders_of(const std::string& draft) {
  return {snapshot_folder(draft), log_folder(draft), draft};
}

}  // namespace

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return path.substr(0, std::max<size_t>(slash, 1));
}

DraftFolder::DraftFolder(io::FileSystem& files, std::string folder)
    : files_(&files), folder_(std::move(folder)), draft_(folder_ + ".new") {}

DraftFolder::DraftFolder(DraftFolder&& other) noexcept
    : files_(other.files_),
      folder_(std::move(other.folder_)),
      draft_(std::move(other.draft_)),
      written_(std::move(other.written_)),
      ours_(std::exchange(other.ours_, false)) {}

Result<DraftFolder> DraftFolder::make(io::FileSystem& files, const std::string& folder) {
  DraftFolder made(files, without_trailing_slash(folder));
  RSTMDB_ASSIGN(const bool there, files.exists(made.folder_));
  if (there) {
    RSTMDB_ASSIGN(const std::vector<std::string> names, files.list(made.folder_));
    if (!names.empty())
      return Error(Code::kConflict, made.folder_ + " is not empty, and nothing in it is replaced")
          .with("path", made.folder_);
  }
  RSTMDB_ASSIGN(const bool draft, files.exists(made.draft_));
  if (draft)
    return Error(Code::kConflict, made.draft_ + " is there: somebody else is making " +
                                      made.folder_ +
                                      ", or was killed and has left it to be removed")
        .with("path", made.draft_);
  // Made only inside of a folder that is there: a path that was mistyped is not.
  const std::string parent = parent_of(made.folder_);
  RSTMDB_ASSIGN(const bool parent_there, files.exists(parent));
  if (!parent_there) return Error(Code::kConflict, parent + " is not there").with("path", parent);
  made.ours_ = true;
  for (const std::string& path : folders_of(made.draft_)) RSTMDB_TRY(files.make_folder(path));
  return made;
}

Result<std::unique_ptr<io::File>> DraftFolder::create(const std::string& name) {
  auto file = files_->open(draft_ + "/" + name, io::FileSystem::Open::kCreateNew);
  if (file.ok()) expect(name);
  return file;
}

Result<void> DraftFolder::sync() {
  for (const std::string& path : folders_of(draft_)) RSTMDB_TRY(files_->sync_folder(path));
  return {};
}

Result<void> DraftFolder::publish() {
  RSTMDB_TRY(sync());
  // An empty folder in its place is replaced; one that has got something meanwhile makes it fail.
  RSTMDB_TRY(files_->rename(draft_, folder_));
  ours_ = false;
  return files_->sync_folder(parent_of(folder_));
}

DraftFolder::~DraftFolder() {
  if (!ours_) return;
  for (const std::string& path : written_) static_cast<void>(files_->remove(path).ok());
  for (const std::string& path : folders_of(draft_))
    static_cast<void>(files_->remove_folder(path).ok());
}

}  // namespace rstmdb::admin
