// The release gate: nothing leaves the server before every record that it depends on is committed.
//
// Commands are folded at once, so the next one sees their effect, but an answer that shows an
// effect waits in its session's Outbox until the log has committed it. Answers that depend on
// nothing uncommitted go straight out, past waiting ones: a slow disk holds up only those who wait
// for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "io/unsent.h"

namespace rstmdb::node {

class ReleaseGate;

/// One session's answers. The session writes an answer into `open()` and then says with `seal` what
/// it depends on. Owned by the session, on the loop's thread.
class Outbox {
 public:
  /// Told on the loop's thread, never from inside seal(). Must not destroy an outbox while being
  /// told.
  class Listener {
   public:
    virtual ~Listener() = default;
    /// ready() has grown.
    virtual void on_released() = 0;
    /// The log has stopped: `answers` (whole frames, in order) show what may never have happened.
    /// They have left the outbox unsent.
    virtual void on_withdrawn(std::string_view answers, const Error& error) = 0;
  };

  Outbox(ReleaseGate& gate, Listener& listener) : gate_(gate), listener_(listener) {}
  ~Outbox();
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Where to append the next answer, if it will most likely have to wait (`held`) or go (`ready`).
  enum class Guess { kWaits, kGoes };
  std::string& open(Guess guess);
  /// Ends the answer that open() began: it may leave once `depends_on` is committed.
  void seal(uint64_t depends_on);

  /// Bytes that may be sent, behind some that have been sent: unsent() shows which.
  std::string& ready() { return ready_; }
  std::string_view unsent() const { return std::string_view(ready_).substr(sent_); }
  size_t ready_bytes() const { return ready_.size() - sent_; }
  /// The first `bytes` of unsent() have been sent. Costs no more than that many bytes are worth,
  /// however much is left and however small the pieces are that a peer takes.
  void drop_sent(size_t bytes) { io::drop_sent(ready_, sent_, bytes); }
  /// Makes room in ready() for `more` bytes; the memory stays within `enough` while unsent() does.
  void make_room(size_t more, size_t enough) { io::make_room(ready_, sent_, more, enough); }
  size_t held_bytes() const { return held_.size() - released_; }
  size_t held_answers() const { return marks_.size() - first_mark_; }

 private:
  friend class ReleaseGate;
  struct Mark {
    uint64_t depends_on;
    size_t end;  // of the answer, in held_
  };
  /// Moves what `committed` frees to ready(); true when anything moved.
  bool release(uint64_t committed);
  void hold(std::string_view answer, uint64_t depends_on);
  /// Drops the moved bytes once they are most of held_, so that it stays bounded under constant
  /// load.
  void compact();

  ReleaseGate& gate_;
  Listener& listener_;
  std::string ready_;
  size_t sent_ = 0;  // bytes at the front of ready_ that have been sent
  std::string held_;
  std::vector<Mark> marks_;  // depends_on never falls
  size_t first_mark_ = 0;
  size_t released_ = 0;  // bytes at the front of held_ that have been moved
  size_t opened_at_ = 0;
  Guess opened_as_ = Guess::kGoes;
  bool waiting_ = false;  // known to the gate
};

class ReleaseGate {
 public:
  /// Everything up to `offset` is committed: lets go what waited for it.
  void release(uint64_t offset);
  /// The log has stopped: withdraws what waits, now and from now on.
  void fail(const Error& error);

  uint64_t committed() const { return committed_; }
  bool failed() const { return failure_.has_value(); }
  const Error& failure() const { return *failure_; }
  /// Answers that wait, over all sessions.
  bool idle() const { return waiting_.empty(); }

 private:
  friend class Outbox;
  void wait(Outbox& outbox);
  void forget(Outbox& outbox);

  uint64_t committed_ = 0;
  std::optional<Error> failure_;
  std::vector<Outbox*> waiting_;
};

}  // namespace rstmdb::node
