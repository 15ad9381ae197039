#include "io/simulated_file_system.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

namespace rstmdb::io {

using Call = SimulatedFileSystem::Call;
using Effect = SimulatedFileSystem::Fault::Effect;

namespace {

constexpr size_t kCallCount = static_cast<size_t>(Call::kFreeBytes) + 1;

std::string_view call_name(Call call) {
  switch (call) {
    case Call::kAny:
      return "any";
    case Call::kOpen:
      return "open";
    case Call::kRead:
      return "read";
    case Call::kWrite:
      return "write";
    case Call::kSync:
      return "sync";
    case Call::kTruncate:
      return "truncate";
    case Call::kAllocate:
      return "allocate";
    case Call::kStatus:
      return "status";
    case Call::kClose:
      return "close";
    case Call::kRename:
      return "rename";
    case Call::kRemove:
      return "remove";
    case Call::kMakeFolder:
      return "make_folder";
    case Call::kSyncFolder:
      return "sync_folder";
    case Call::kList:
      return "list";
    case Call::kExists:
      return "exists";
    case Call::kLock:
      return "lock";
    case Call::kFreeBytes:
      return "free_bytes";
  }
  return "";
}

Error failed(Call call, const std::string& path, int number) {
  std::string text(call_name(call));
  text.append(" ").append(path).append(": ").append(std::generic_category().message(number));
  return Error(Code::kWalIoError, std::move(text))
      .with("call", call_name(call))
      .with("path", path)
      .with("errno", int64_t{number});
}

}  // namespace

class SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedFileSystem& system, std::string path, SimulatedDisk::Id id)
      : system_(system),
        path_(std::move(path)),
        id_(id),
        held_(system.hold_open(id)),
        process_(system.process_) {}

  Result<void> write_at(uint64_t offset, std::string_view bytes) override {
    return change(Call::kWrite, [&](SimulatedContent& content, Effect effect) -> Result<void> {
      if (effect == Effect::kPartial) bytes = bytes.substr(0, bytes.size() / 2);
      const uint64_t size = content.now().size();
      if (offset + bytes.size() > size)
        RSTMDB_TRY(system_.grow(path_, size, offset + bytes.size()));
      content.write(offset, bytes);
      return {};
    });
  }

  Result<size_t> read_at(uint64_t offset, std::span<char> into) override {
    const auto fault = system_.begin(Call::kRead, path_);
    const std::lock_guard lock(system_.mutex_);
    if (dead()) return failed(Call::kRead, path_, EBADF);
    if (fault) return failed(Call::kRead, path_, fault->error_number);
    const std::string& bytes = system_.disk_.file(id_).now();
    if (offset >= bytes.size()) return size_t{0};
    const size_t size = std::min<size_t>(into.size(), bytes.size() - offset);
    std::copy_n(bytes.data() + offset, size, into.data());
    for (const auto& flip : system_.flips_)
      if (flip.path == path_ && flip.byte >= offset && flip.byte < offset + size)
        into[flip.byte - offset] = static_cast<char>(into[flip.byte - offset] ^ (1 << flip.bit));
    return size;
  }

  Result<void> sync() override {
    return change(Call::kSync, [](SimulatedContent& content, Effect effect) -> Result<void> {
      if (effect == Effect::kPagesDropped) {
        content.drop_unsynced();
      } else {
        content.sync();
      }
      return {};
    });
  }

  Result<void> truncate(uint64_t size) override {
    return change(Call::kTruncate, [&](SimulatedContent& content, Effect) -> Result<void> {
      content.resize(size);
      return {};
    });
  }

  Result<void> allocate(uint64_t size) override {
    return change(Call::kAllocate, [&](SimulatedContent& content, Effect) -> Result<void> {
      const uint64_t now = content.now().size();
      if (size <= now) return {};
      RSTMDB_TRY(system_.grow(path_, now, size));
      content.resize(size);
      return {};
    });
  }

  Result<FileStatus> status() override {
    const auto fault = system_.begin(Call::kStatus, path_);
    const std::lock_guard lock(system_.mutex_);
    if (dead()) return failed(Call::kStatus, path_, EBADF);
    if (fault) return failed(Call::kStatus, path_, fault->error_number);
    return FileStatus{.size = system_.disk_.file(id_).now().size(),
                      .at_path = system_.leads_to(path_, id_)};
  }

  void forget_cached() override {}

  Result<void> close() override {
    const auto fault = system_.begin(Call::kClose, path_);
    const std::lock_guard lock(system_.mutex_);
    closed_ = true;
    held_.reset();
    if (fault) return failed(Call::kClose, path_, fault->error_number);
    return {};
  }

  const std::string& path() const override { return path_; }

 private:
  bool dead() const { return closed_ || process_ != system_.process_; }

  template <class Work>
  Result<void> change(Call call, Work work) {
    const auto fault = system_.begin(call, path_);
    const std::lock_guard lock(system_.mutex_);
    if (dead()) return failed(call, path_, EBADF);
    if (!fault) return work(system_.disk_.file(id_), Effect::kDone);
    if (fault->effect != Effect::kNothing) RSTMDB_TRY(work(system_.disk_.file(id_), fault->effect));
    return failed(call, path_, fault->error_number);
  }

  SimulatedFileSystem& system_;
  std::string path_;
  SimulatedDisk::Id id_;
  std::shared_ptr<void> held_;  // shared by all who have the file open
  uint64_t process_;
  bool closed_ = false;
};

class SimulatedLock final : public Lock {
 public:
  SimulatedLock(SimulatedFileSystem& system, std::string path, SimulatedDisk::Id id)
      : system_(system), path_(std::move(path)), id_(id), process_(system.process_) {}
  ~SimulatedLock() override {
    const std::lock_guard lock(system_.mutex_);
    if (process_ == system_.process_) system_.locks_.erase(id_);
  }
  Result<bool> holds() override {
    const auto fault = system_.begin(Call::kStatus, path_);
    const std::lock_guard lock(system_.mutex_);
    if (fault) return failed(Call::kStatus, path_, fault->error_number);
    return process_ == system_.process_ && system_.leads_to(path_, id_);
  }

 private:
  SimulatedFileSystem& system_;
  std::string path_;
  SimulatedDisk::Id id_;
  uint64_t process_;
};

SimulatedFileSystem::SimulatedFileSystem() : calls_(kCallCount) {}
SimulatedFileSystem::~SimulatedFileSystem() = default;

std::unique_ptr<SimulatedFileSystem::Fault> SimulatedFileSystem::begin(Call call,
                                                                       const std::string& path) {
  if (hook_) hook_(call, path);
  const std::lock_guard lock(mutex_);
  if (halted_) return std::make_unique<Fault>(Fault{.call = call});
  ++calls_[static_cast<size_t>(Call::kAny)];
  ++calls_[static_cast<size_t>(call)];
  std::unique_ptr<Fault> struck;
  for (Waiting& waiting : faults_) {
    const Fault& fault = waiting.fault;
    if (fault.call != Call::kAny && fault.call != call) continue;
    ++waiting.seen;
    const bool strikes = waiting.seen == fault.nth ||
                         (waiting.seen > fault.nth && fault.repeat == Fault::Repeat::kForGood);
    if (strikes && !struck) struck = std::make_unique<Fault>(fault);
  }
  return struck;
}

bool SimulatedFileSystem::leads_to(const std::string& path, SimulatedDisk::Id id) const {
  const auto node = disk_.find(path);
  return node && node->kind == SimulatedDisk::Node::Kind::kFile && node->id == id;
}

std::shared_ptr<void> SimulatedFileSystem::hold_open(SimulatedDisk::Id id) {
  std::weak_ptr<void>& known = open_[id];
  std::shared_ptr<void> held = known.lock();
  if (!held) known = held = std::make_shared<char>();
  return held;
}

void SimulatedFileSystem::forget_unlinked() {
  std::set<SimulatedDisk::Id> open;
  std::erase_if(open_, [](const auto& file) { return file.second.expired(); });
  for (const auto& [id, held] : open_) open.insert(id);
  disk_.forget_unlinked(open);
}

Result<void> SimulatedFileSystem::grow(const std::string& path, uint64_t from, uint64_t to) {
  if (to - from > free_bytes_) return failed(Call::kWrite, path, ENOSPC);
  free_bytes_ -= to - from;
  return {};
}

Result<std::unique_ptr<File>> SimulatedFileSystem::open(const std::string& path, Open how) {
  const auto fault = begin(Call::kOpen, path);
  const std::lock_guard lock(mutex_);
  if (fault) return failed(Call::kOpen, path, fault->error_number);
  if (how == Open::kCreateNew) {
    if (disk_.find(path)) return failed(Call::kOpen, path, EEXIST);
    if (!disk_.add(path, SimulatedDisk::Node::Kind::kFile))
      return failed(Call::kOpen, path, ENOENT);
  }
  const auto node = disk_.find(path);
  if (!node) return failed(Call::kOpen, path, ENOENT);
  if (node->kind != SimulatedDisk::Node::Kind::kFile) return failed(Call::kOpen, path, EINVAL);
  return std::unique_ptr<File>(std::make_unique<SimulatedFile>(*this, path, node->id));
}

Result<void> SimulatedFileSystem::rename(const std::string& from, const std::string& to) {
  const auto fault = begin(Call::kRename, from);
  const std::lock_guard lock(mutex_);
  if (fault && fault->effect == Effect::kNothing)
    return failed(Call::kRename, from, fault->error_number);
  if (!disk_.rename(from, to)) return failed(Call::kRename, from, ENOENT);
  if (fault) return failed(Call::kRename, from, fault->error_number);
  return {};
}

Result<void> SimulatedFileSystem::remove(const std::string& path) {
  const auto fault = begin(Call::kRemove, path);
  const std::lock_guard lock(mutex_);
  if (fault && fault->effect == Effect::kNothing)
    return failed(Call::kRemove, path, fault->error_number);
  if (!disk_.remove(path)) return failed(Call::kRemove, path, ENOENT);
  if (fault) return failed(Call::kRemove, path, fault->error_number);
  return {};
}

Result<void> SimulatedFileSystem::remove_folder(const std::string& path) {
  const auto fault = begin(Call::kRemove, path);
  const std::lock_guard lock(mutex_);
  if (fault && fault->effect == Effect::kNothing)
    return failed(Call::kRemove, path, fault->error_number);
  if (!disk_.remove_folder(path))
    return failed(Call::kRemove, path, disk_.find(path) ? ENOTEMPTY : ENOENT);
  if (fault) return failed(Call::kRemove, path, fault->error_number);
  return {};
}

Result<void> SimulatedFileSystem::make_folder(const std::string& path) {
  const auto fault = begin(Call::kMakeFolder, path);
  const std::lock_guard lock(mutex_);
  if (fault) return failed(Call::kMakeFolder, path, fault->error_number);
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string_view part = std::string_view(path).substr(0, end);
    const auto node = disk_.find(part);
    if (node && node->kind != SimulatedDisk::Node::Kind::kFolder)
      return failed(Call::kMakeFolder, path, ENOTDIR);
    if (!node) disk_.add(part, SimulatedDisk::Node::Kind::kFolder);
    if (end == std::string::npos) return {};
  }
}

Result<void> SimulatedFileSystem::sync_folder(const std::string& path) {
  const auto fault = begin(Call::kSyncFolder, path);
  const std::lock_guard lock(mutex_);
  if (fault && fault->effect == Effect::kNothing)
    return failed(Call::kSyncFolder, path, fault->error_number);
  const auto node = disk_.find(path);
  if (!node || node->kind != SimulatedDisk::Node::Kind::kFolder)
    return failed(Call::kSyncFolder, path, ENOENT);
  disk_.sync_folder(node->id);
  forget_unlinked();
  if (fault) return failed(Call::kSyncFolder, path, fault->error_number);
  return {};
}

Result<std::vector<std::string>> SimulatedFileSystem::list(const std::string& path) {
  const auto fault = begin(Call::kList, path);
  const std::lock_guard lock(mutex_);
  if (fault) return failed(Call::kList, path, fault->error_number);
  const auto node = disk_.find(path);
  if (!node || node->kind != SimulatedDisk::Node::Kind::kFolder)
    return failed(Call::kList, path, ENOENT);
  return disk_.names(node->id);
}

Result<bool> SimulatedFileSystem::exists(const std::string& path) {
  const auto fault = begin(Call::kExists, path);
  const std::lock_guard lock(mutex_);
  if (fault) return failed(Call::kExists, path, fault->error_number);
  return disk_.find(path).has_value();
}

Result<std::unique_ptr<Lock>> SimulatedFileSystem::lock(const std::string& path) {
  const auto fault = begin(Call::kLock, path);
  const std::lock_guard guard(mutex_);
  if (fault) return failed(Call::kLock, path, fault->error_number);
  if (!disk_.find(path) && !disk_.add(path, SimulatedDisk::Node::Kind::kFile))
    return failed(Call::kLock, path, ENOENT);
  const SimulatedDisk::Id id = disk_.find(path)->id;
  if (!locks_.insert(id).second)
    return Error(Code::kConflict, path + " is held by another process").with("path", path);
  return std::unique_ptr<Lock>(std::make_unique<SimulatedLock>(*this, path, id));
}

Result<uint64_t> SimulatedFileSystem::allocated_bytes(const std::string& path) {
  const auto fault = begin(Call::kStatus, path);
  const std::lock_guard lock(mutex_);
  if (fault) return failed(Call::kStatus, path, fault->error_number);
  const auto id = disk_.find(path);
  if (!id) return failed(Call::kStatus, path, ENOENT);
  return uint64_t{disk_.file(id->id).now().size()};
}

Result<uint64_t> SimulatedFileSystem::free_bytes(const std::string& path) {
  const auto fault = begin(Call::kFreeBytes, path);
  const std::lock_guard lock(mutex_);
  if (fault) return failed(Call::kFreeBytes, path, fault->error_number);
  return free_bytes_;
}

}  // namespace rstmdb::io
