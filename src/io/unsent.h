// Bytes on their way to a peer that takes them in pieces of its own choice.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace rstmdb::io {

/// The first `sent` bytes of `bytes` have left, and now `more` behind them. Takes them off the
/// front where that costs little: at once when not much is there, and of a large rest only when it
/// is the less. Moving the rest each time would cost a peer that takes a few bytes nothing, and us
/// all that it has not taken yet.
inline void drop_sent(std::string& bytes, size_t& sent, size_t more) {
  constexpr size_t kMovedAtOnceMax = 4 * 1024;
  sent += more;
  if (bytes.size() > kMovedAtOnceMax && sent < bytes.size() - sent) return;
  bytes.erase(0, std::exchange(sent, 0));
}

}  // namespace rstmdb::io
