// Looks at the log's disk once a second: whether its folder is still this process's, and how much
// room is left. Both questions are answered from metadata that a local file system keeps in memory,
// so they are asked on the loop's thread.
#pragma once

#include <string>

#include "io/executor.h"
#include "io/file_system.h"
#include "log/segment_log.h"
#include "node/node.h"

namespace rstmdb::app {

class DiskWatch {
 public:
  struct Options {
    io::Loop& loop;
    io::FileSystem& files;
    log::SegmentLog& log;
    node::Node& node;
    std::string folder;
  };
  /// Looks at once, and from then on every limits::kDiskLookMs.
  explicit DiskWatch(Options options);
  ~DiskWatch();
  DiskWatch(const DiskWatch&) = delete;
  DiskWatch& operator=(const DiskWatch&) = delete;

  /// Sees how much is free; also called when the log has begun a new segment.
  void look_at_space();

 private:
  void look();

  const Options options_;
  io::Loop::TimerId timer_ = 0;
  bool could_look_ = true;
};

}  // namespace rstmdb::app
