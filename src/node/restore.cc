#include "node/restore.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "snapshot/damage.h"

namespace rstmdb::node {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kProgressEveryNs = 1'000'000'000;

Error refused(std::string_view code, const std::string& file, const std::string& what) {
  return Error(Code::kWalIoError, file + ": " + what).with("code", code).with("file", file);
}

log::Offset oldest(log::Log& log) {
  const log::Stats stats = log.stats();
  return stats.record_count == 0 ? log.next_offset() : stats.oldest_offset;
}

class Restore {
 public:
  explicit Restore(const RestoreOptions& options) : options_(options) {}

  Result<Restored> run() {
    began_ns_ = reported_ns_ = options_.clock.steady_ns();
    RSTMDB_ASSIGN(restored_.kept, options_.folder.list());
    while (!restored_.kept.empty() && !restored_.start) {
      auto loaded = load_newest();
      if (loaded.ok()) continue;
      if (!snapshot::is_of_this_file(loaded.error())) return std::move(loaded).error();
      restored_.damaged.push_back(
          {.stored = restored_.kept.back(), .error = std::move(loaded).error(), .kept_as = {}});
      restored_.kept.pop_back();
    }
    const log::Offset begins = oldest(options_.log);
    const uint64_t covered = restored_.start ? restored_.start->state.last_offset() : 0;
    if (begins > covered + 1) return no_way(begins);
    // Only now that there is a way: what was found stays findable for whoever has to mend it.
    for (Damaged& damaged : restored_.damaged) {
      RSTMDB_ASSIGN(damaged.kept_as, options_.folder.set_aside(damaged.stored));
    }
    restored_.elapsed_ms = (options_.clock.steady_ns() - began_ns_) / kNsPerMs;
    return std::move(restored_);
  }

 private:
  Result<void> load_newest() {
    const snapshot::Stored& newest = restored_.kept.back();
    RSTMDB_ASSIGN(
        snapshot::Loaded loaded,
        snapshot::load(options_.folder.files(), newest.path,
                       {.state = {.hash_seed = options_.hash_seed},
                        .ahead = options_.ahead,
                        .progress = [this](const snapshot::ReadProgress& now) { report(now); }}));
    const snapshot::Header& header = loaded.header;
    if (header.database != options_.database)
      return refused("SNAPSHOT_FOREIGN", newest.path,
                     "the snapshot belongs to another database than the log");
    if (header.facts.last_offset != newest.offset)
      return snapshot::snapshot_damaged(newest.path, 32, "the offset is not the one in the name");
    if (newest.offset > options_.log.committed())
      return refused("LOG_BEHIND_SNAPSHOT", newest.path,
                     "the log ends at offset " + std::to_string(options_.log.committed()) +
                         ", before this snapshot: a part of it is missing")
          .with("latest_offset", static_cast<int64_t>(options_.log.committed()));
    restored_.file_bytes = loaded.file_bytes;
    restored_.start = Start{.state = std::move(loaded.state), .chain = header.chain};
    if (options_.progress) options_.progress({.read = read_, .elapsed_ms = elapsed_ms()});
    return {};
  }

  int64_t elapsed_ms() const { return (options_.clock.steady_ns() - began_ns_) / kNsPerMs; }

  void report(const snapshot::ReadProgress& now) {
    read_ = now;
    const int64_t at_ns = options_.clock.steady_ns();
    if (!options_.progress || at_ns - reported_ns_ < kProgressEveryNs) return;
    reported_ns_ = at_ns;
    options_.progress({.read = now, .elapsed_ms = elapsed_ms()});
  }

  /// Names everything that was looked at.
  Error no_way(log::Offset begins) const {
    std::string text = "the log begins at offset " + std::to_string(begins) +
                       ", and no snapshot leads up to there";
    std::string file;
    for (const Damaged& damaged : restored_.damaged) {
      text += "; " + damaged.error.message();
      file = damaged.stored.path;
    }
    if (restored_.start) {
      text += "; " + restored_.kept.back().path + " ends before it";
      file = restored_.kept.back().path;
    }
    return Error(Code::kWalIoError, std::move(text))
        .with("code", "NO_WAY_TO_STATE")
        .with("oldest_offset", static_cast<int64_t>(begins))
        .with("file", file);
  }

  const RestoreOptions& options_;
  Restored restored_;
  snapshot::ReadProgress read_;
  int64_t began_ns_ = 0;
  int64_t reported_ns_ = 0;
};

}  // namespace

Result<Restored> restore(const RestoreOptions& options) { return Restore(options).run(); }

}  // namespace rstmdb::node
