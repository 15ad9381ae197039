// Pieces of work that are prepared ahead of the one who takes them: on a second thread, or, in a
// simulation, one by one when they are asked for. Who takes them sees the same either way.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace rstmdb::io {

enum class Ahead {
  kInline,  // on the thread that takes them
  kThread,  // on one of their own, which ends with the ReadAhead
};

/// `make` fills one piece, which may be one that was used before, and says whether that was
/// another: false behind the last. With kThread it runs on another thread, so what it uses belongs
/// to it alone until the ReadAhead is gone. All other calls are for one thread.
template <class Piece>
class ReadAhead {
 public:
  using Make = std::move_only_function<bool(Piece&)>;

  /// At most `pieces_max` (two or more) are there at a time, with the one that was taken last.
  ReadAhead(Ahead how, size_t pieces_max, Make make)
      : make_(std::move(make)), pieces_(how == Ahead::kThread ? pieces_max : 1) {
    if (how == Ahead::kThread) thread_ = std::thread([this] { work(); });
  }
  /// Waits for the piece that is being made.
  ~ReadAhead() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    room_.notify_one();
    thread_.join();
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The next piece, until the next call; null behind the last.
  Piece* next() {
    if (!thread_.joinable()) return make_(pieces_.front()) ? &pieces_.front() : nullptr;
    std::unique_lock lock(mutex_);
    if (holding_) {
      holding_ = false;
      ++returned_;
      room_.notify_one();
    }
    made_more_.wait(lock, [this] { return made_ > returned_ || finished_; });
    if (made_ == returned_) return nullptr;
    holding_ = true;
    return &pieces_[returned_ % pieces_.size()];
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      room_.wait(lock, [this] { return ending_ || made_ - returned_ < pieces_.size(); });
      if (ending_) return;
      Piece& piece = pieces_[made_ % pieces_.size()];
      lock.unlock();
      const bool another = make_(piece);
      lock.lock();
      if (another) ++made_;
      if (!another) finished_ = true;
      made_more_.notify_one();
      if (!another) return;
    }
  }

  Make make_;
  std::vector<Piece> pieces_;  // a ring: piece n stands at n modulo its size
  std::mutex mutex_;           // of everything below
  std::condition_variable room_;
  std::condition_variable made_more_;
  uint64_t made_ = 0;
  uint64_t returned_ = 0;  // taken and given back
  bool holding_ = false;   // the piece behind the returned ones is taken
  bool finished_ = false;
  bool ending_ = false;
  std::thread thread_;  // last: it uses all the others
};

}  // namespace rstmdb::io
