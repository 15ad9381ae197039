// Bytes on their way to a peer that takes them in pieces of its own choice.
#pragma once

#include <algorithm>
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

/// Makes room behind `bytes` for `more`. As long as what is unsent and `more` fit into `enough`, no
/// more memory than that is taken: what has been sent goes first, and who would double to more than
/// half of `enough` gets all of it, where doubling would end with up to twice of it. Moves the
/// unsent bytes at most once for each `enough` less what is unsent.
inline void make_room(std::string& bytes, size_t& sent, size_t more, size_t enough) {
  const size_t end = bytes.size() + more;
  if (end <= bytes.capacity() || std::max(end, 2 * bytes.capacity()) <= enough / 2) return;
  const size_t wanted = bytes.size() - sent + more;
  if (wanted <= bytes.capacity()) {
    bytes.erase(0, std::exchange(sent, 0));
  } else if (bytes.capacity() < enough) {
    // A string that holds something doubles even in reserve(), an empty one does not.
    std::string larger;
    larger.reserve(std::max(wanted, enough));
    bytes.swap(larger.append(bytes, std::exchange(sent, 0)));
  }
}

}  // namespace rstmdb::io
