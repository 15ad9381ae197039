#include "server/stretch_reader.h"

namespace rstmdb::server {
namespace {

/// With fewer, the other thread would be awake when all is done.
constexpr size_t kWorthWaking = 6;
/// The memory for reading a request of this length is kept, once for each of them all.
constexpr size_t kKeptPayloadBytes = 2 * 1024;

}  // namespace

StretchReader::StretchReader(io::Ahead how)
    : stretches_(kStretchesMax), jobs_(how, kStretchesMax, [this](size_t slot) {
        Stretch& stretch = stretches_[slot];
        stretch.ahead.read(stretch.frames, stretch.input, ReadAhead::Depth::kMany);
      }) {}

StretchReader::Offered StretchReader::offer(const wire::FrameReader& frames,
                                            std::string_view input) {
  Offered offered{offered_, offered_};
  while (offered.end < kStretchesMax) {
    size_t bytes = 0;
    for (size_t request = 0; request < ReadAhead::kRequestsMax; ++request) {
      const size_t size = frames.whole_frame_size(input.substr(bytes));
      bytes += size;
      if (size == 0 || bytes > kStretchBytesMax) return offered;
    }
    Stretch& stretch = stretches_[offered.end];
    stretch.frames = frames;
    stretch.input = input.substr(0, bytes);
    jobs_.offer(offered.end);
    offered_ = ++offered.end;
    if (offered_ == kWorthWaking) jobs_.wake();
    input.remove_prefix(bytes);
  }
  return offered;
}

ReadAhead* StretchReader::take(Offered& offered, const char* at) {
  if (!offered.any()) return nullptr;
  Stretch& stretch = stretches_[offered.next];
  if (stretch.input.data() != at) {
    drop(offered);
    return nullptr;
  }
  jobs_.finish(offered.next++);
  return &stretch.ahead;
}

void StretchReader::drop(Offered& offered) {
  while (offered.any()) jobs_.withdraw(offered.next++);
}

void StretchReader::end_turn() {
  for (size_t slot = 0; slot < offered_; ++slot) {
    jobs_.withdraw(slot);
    stretches_[slot].ahead.forget_large(kKeptPayloadBytes);
  }
  offered_ = 0;
}

}  // namespace rstmdb::server
