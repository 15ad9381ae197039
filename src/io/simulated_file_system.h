// A file system in memory that knows what a power cut may take: per file which writes are not yet
// synced, per folder which entries are not. Any call can be made to fail, reads can flip a bit, and
// everything that chance decides comes from a seed.
//
// What a power cut leaves is chosen among the states that a disk may legally show:
//  - each 512-byte sector holds one of its versions since the last sync, not necessarily as new as
//    its neighbour's: writes are lost, kept, reordered and torn; a sector behind the synced size
//    that was not written may show zeros or garbage;
//  - a file's size is one of its sizes since the last sync;
//  - entries of a folder made, renamed or removed since its last sync are as before or as after,
//    also one later in order without one earlier.
//
// Thread-safe, so that a worker may use it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "io/simulated_disk.h"

namespace rstmdb::io {

class SimulatedFileSystem final : public FileSystem {
 public:
  enum class Call : uint8_t {
    kAny,  // in a Fault: whichever comes
    kOpen,
    kRead,
    kWrite,
    kSync,
    kTruncate,
    kAllocate,
    kStatus,
    kClose,
    kRename,
    kRemove,
    kMakeFolder,
    kSyncFolder,
    kList,
    kExists,
    kLock,
    kFreeBytes,
  };

  /// The `nth` call of this kind from now on (1 = the next one) fails with `error_number`.
  struct Fault {
    enum class Repeat { kOnce, kForGood };
    enum class Effect {
      kNothing,       // the call has done nothing
      kPartial,       // a write has written its first half
      kPagesDropped,  // a sync has forgotten what it should have made durable
      kDone,          // the call has done its work and says that it has not
    };
    Call call = Call::kAny;
    uint64_t nth = 1;
    int error_number = 5;  // EIO
    Repeat repeat = Repeat::kOnce;
    Effect effect = Effect::kNothing;
  };

  SimulatedFileSystem();
  ~SimulatedFileSystem() override;

  Result<std::unique_ptr<File>> open(const std::string& path, Open how) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_folder(const std::string& path) override;
  Result<void> make_folder(const std::string& path) override;
  Result<void> sync_folder(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::unique_ptr<Lock>> lock(const std::string& path) override;
  Result<uint64_t> allocated_bytes(const std::string& path) override;
  Result<uint64_t> free_bytes(const std::string& path) override;

  /// A fault to come. Several may wait; each counts calls for itself.
  void inject(Fault fault);
  void clear_faults();
  /// Calls so far of this kind, or of all.
  uint64_t calls(Call call = Call::kAny) const;
  /// Runs before each call (in its thread), for example to let a simulated clock go on.
  void before_each_call(std::function<void(Call, const std::string& path)> hook);
  /// Reads of `path` show bit `bit` of byte `byte` inverted from now on.
  void flip_on_read(const std::string& path, uint64_t byte, unsigned bit);
  /// Bytes that free_bytes() reports, and beyond which writes that extend a file fail with ENOSPC.
  void set_free_bytes(uint64_t bytes);

  /// The process is gone: open files answer EBADF, locks are free, content stays.
  void kill();
  /// kill(), and of what was not synced only a legal remainder stays, chosen by `seed`.
  void power_cut(uint64_t seed);
  /// From now on every call fails and does nothing, until go_on(): a process that is gone may be
  /// simulated by one that has not ended yet.
  void halt();
  void go_on();
  /// The state after power_cut(seed), as a file system of its own; this one is untouched.
  std::unique_ptr<SimulatedFileSystem> after_power_cut(uint64_t seed) const;
  /// A copy of everything on the disk, taken as synced, without faults and open files.
  std::unique_ptr<SimulatedFileSystem> clone() const;

  /// A file's content as reads show it; "" when there is none. No call is counted.
  std::string content(const std::string& path) const;
  /// Puts a file there, and with it everything else on the disk is synced, in place of one that may
  /// be there.
  void put(const std::string& path, std::string bytes);
  /// Takes a file away; everything on the disk is synced.
  void erase(const std::string& path);
  /// Paths of all files, sorted.
  std::vector<std::string> paths() const;

 private:
  friend class SimulatedFile;
  friend class SimulatedLock;
  struct Waiting {
    Fault fault;
    uint64_t seen = 0;
  };
  struct Flip {
    std::string path;
    uint64_t byte;
    unsigned bit;
  };

  /// Counts the call; the fault that strikes it, if one does.
  std::unique_ptr<Fault> begin(Call call, const std::string& path);
  bool leads_to(const std::string& path, SimulatedDisk::Id id) const;
  /// Whether somebody has the file open is known by what this gives him to hold.
  std::shared_ptr<void> hold_open(SimulatedDisk::Id id);
  void forget_unlinked();
  Result<void> grow(const std::string& path, uint64_t from, uint64_t to);

  mutable std::mutex mutex_;
  SimulatedDisk disk_;
  uint64_t process_ = 1;               // grows at kill(); files of an earlier one are dead
  std::set<SimulatedDisk::Id> locks_;  // files that are locked
  std::map<SimulatedDisk::Id, std::weak_ptr<void>> open_;  // lives while somebody has it open
  std::vector<Waiting> faults_;
  std::vector<Flip> flips_;
  std::vector<uint64_t> calls_;
  std::function<void(Call, const std::string&)> hook_;
  uint64_t free_bytes_ = UINT64_MAX / 2;
  bool halted_ = false;
};

}  // namespace rstmdb::io
