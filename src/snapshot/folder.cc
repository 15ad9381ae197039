#include "snapshot/folder.h"

#include <algorithm>

#include "base/limits.h"
#include "snapshot/damage.h"
#include "snapshot/format.h"

namespace rstmdb::snapshot {
namespace {

constexpr std::string_view kDraftName = "new-snapshot.tmp";

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, std::max<size_t>(slash, 1));
}

}  // namespace

Result<std::vector<Stored>> Folder::list() const {
  std::vector<Stored> found;
  RSTMDB_ASSIGN(const bool there, files_.exists(path_));
  if (!there) return found;
  RSTMDB_ASSIGN(const std::vector<std::string> names, files_.list(path_));
  for (const std::string& name : names) {
    if (!name.ends_with(".snap")) continue;
    const auto offset = parse_snapshot_name(name);
    if (!offset) return snapshot_damaged(path_ + "/" + name, 0, "not the name of a snapshot");
    found.push_back({*offset, path_ + "/" + name});
  }
  std::ranges::sort(found, {}, &Stored::offset);
  return found;
}

Result<void> Folder::prepare() const {
  RSTMDB_TRY(files_.make_folder(path_));
  RSTMDB_TRY(files_.sync_folder(parent_of(path_)));
  return discard_draft();
}

std::string Folder::draft_path() const { return path_ + "/" + std::string(kDraftName); }

std::string Folder::path_of(uint64_t offset) const { return path_ + "/" + snapshot_name(offset); }

Result<void> Folder::publish(uint64_t offset) const {
  RSTMDB_TRY(files_.rename(draft_path(), path_of(offset)));
  return files_.sync_folder(path_);
}

Result<void> Folder::discard_draft() const {
  RSTMDB_ASSIGN(const bool there, files_.exists(draft_path()));
  if (!there) return {};
  return files_.remove(draft_path());
}

Result<std::vector<Stored>> Folder::prune() const {
  RSTMDB_ASSIGN(std::vector<Stored> stored, list());
  if (stored.size() <= limits::kSnapshotsKept) return stored;
  const auto keep = stored.end() - static_cast<std::ptrdiff_t>(limits::kSnapshotsKept);
  for (auto old = stored.begin(); old != keep; ++old) RSTMDB_TRY(files_.remove(old->path));
  RSTMDB_TRY(files_.sync_folder(path_));
  stored.erase(stored.begin(), keep);
  return stored;
}

Result<std::string> Folder::set_aside(const Stored& stored) const {
  const std::string aside = stored.path + ".damaged";
  RSTMDB_TRY(files_.rename(stored.path, aside));
  RSTMDB_TRY(files_.sync_folder(path_));
  return aside;
}

}  // namespace rstmdb::snapshot
