// A data folder in the making: beside the place where it is to be, and there only when it is whole.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "io/file_system.h"

namespace rstmdb::admin {

/// "a", "a/" and "a//b/" as "a", "a" and "a//b"; "/" stays.
std::string without_trailing_slash(std::string path);
/// The folder that holds `path`.
std::string parent_of(const std::string& path);

/// One thread. What has not been published is removed with the object, as far as that can be done;
/// a rest is named at the next attempt.
class DraftFolder {
 public:
  /// `folder` must not exist or be empty, and its parent must be there; the draft beside it is
  /// `folder`.new. kConflict when either holds something.
  static Result<DraftFolder> make(io::FileSystem& files, const std::string& folder);
  DraftFolder(DraftFolder&&) noexcept;
  DraftFolder& operator=(DraftFolder&&) = delete;
  ~DraftFolder();

  const std::string& path() const { return draft_; }
  /// Makes the file `name` ("wal/…", "snapshots/…") in the draft.
  Result<std::unique_ptr<io::File>> create(const std::string& name);
  /// A file that somebody else makes in the draft, to be removed with it.
  void expect(const std::string& name) { written_.push_back(draft_ + "/" + name); }
  /// Everything in the draft is on disk: makes that durable for its entries, too.
  Result<void> sync();
  /// Gives the draft its name. The folder stands there durably afterwards.
  Result<void> publish();

 private:
  DraftFolder(io::FileSystem& files, std::string folder);

  io::FileSystem* files_;
  std::string folder_;
  std::string draft_;
  std::vector<std::string> written_;
  bool ours_ = false;  // there is something to be removed
};

}  // namespace rstmdb::admin
