// Requests read by a second thread while the loop's thread carries out those before them. Checking
// and parsing a request needs nothing but its bytes, and is a third of what a pipelined one costs.
//
// A stretch is as many requests as are read ahead at a time (read_ahead.h). Those that have come
// whole are offered for all connections that are ready in a turn, in the order in which they will
// be carried out, and none outlives the turn. Who needs a stretch that has not been begun reads it
// himself, so one connection alone, or one processor, gains nothing and loses next to nothing.
//
// What is read is kept to the end of the turn, and a parsed request can take fifteen times its
// bytes: a stretch of large requests is left to its turn, when no other one is there.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "io/offered_jobs.h"
#include "server/read_ahead.h"
#include "wire/frame.h"

namespace rstmdb::server {

/// On the loop's thread.
class StretchReader {
 public:
  /// What is read ahead in one turn; what has come beyond is read when it is its turn.
  static constexpr size_t kStretchesMax = 64;
  static constexpr size_t kStretchBytesMax = 64 * 1024;

  /// The stretches of one connection that are still to come: [next, end).
  struct Offered {
    size_t next = 0;
    size_t end = 0;
    bool any() const { return next < end; }
  };

  explicit StretchReader(io::Ahead how);

  /// Offers what is at the front of `input` in whole stretches, to be read as `frames` would. The
  /// bytes stay in place until the stretches have been taken or dropped, or the turn has ended.
  Offered offer(const wire::FrameReader& frames, std::string_view input);
  /// The next stretch if it begins at `at`, read; null, and the rest dropped, if not: requests
  /// before it have been read otherwise than was thought. Stays until end_turn().
  ReadAhead* take(Offered& offered, const char* at);
  void drop(Offered& offered);
  /// What has not been taken is dropped.
  void end_turn();

 private:
  struct Stretch {
    wire::FrameReader frames{0};
    std::string_view input;
    ReadAhead ahead;
  };

  std::vector<Stretch> stretches_;
  size_t offered_ = 0;
  io::OfferedJobs jobs_;  // last: it uses the stretches
};

}  // namespace rstmdb::server
