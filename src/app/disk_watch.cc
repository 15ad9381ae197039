#include "app/disk_watch.h"

#include "base/limits.h"
#include "base/logging.h"

namespace rstmdb::app {

DiskWatch::DiskWatch(Options options) : options_(std::move(options)) { look(); }

DiskWatch::~DiskWatch() { options_.loop.cancel(timer_); }

void DiskWatch::look() {
  options_.log.check_folder();
  look_at_space();
  timer_ = options_.loop.run_after(limits::kDiskLookMs, [this] { look(); });
}

void DiskWatch::look_at_space() {
  const auto free = options_.files.free_bytes(options_.folder);
  if (!free.ok()) {
    if (could_look_)
      log_line(Level::kWarn, "the free space cannot be asked for; writes go on as before",
               {{"error", free.error().to_string()}});
    could_look_ = false;
    return;
  }
  could_look_ = true;
  using Change = node::DiskReserve::Change;
  node::DiskReserve& reserve = options_.node.reserve();
  const Change change = reserve.note_free(*free);
  if (change == Change::kNone) return;
  log_line(Level::kWarn,
           change == Change::kEntered
               ? "writes are refused: the disk has less free space than is kept in reserve"
               : "writes are taken again: the disk has room",
           {{"free_bytes", *free}, {"reserve_bytes", reserve.stats().reserve_bytes}});
}

}  // namespace rstmdb::app
