// Holds every answer and every notification against the log.
//
// The log's order is the order in which writes took effect, so it is the linearization that is
// looked for: a sequential model is fed the records as they become readable (read()), and remembers
// what was true after each. An answer says what was true at some point between its question and its
// arrival; it is judged as soon as all records up to the latest possible point have been read:
//
//   known  the highest offset that anybody had been shown when the request was sent: the answer may
//          not be older
//   end    the log's committed end when the answer arrived: the answer may not show more
//
// A write may be sent several times when it can be repeated safely. While one of its sendings is
// without an answer its outcome is open; a restart closes all of them, and what the log does not
// hold by then never happened.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ask.h"
#include "crash/fold.h"
#include "crash/history.h"
#include "findings.h"
#include "json/document.h"
#include "standing.h"
#include "timeline.h"

namespace rstmdb::sim {

using AskId = size_t;
using StreamId = size_t;

/// One sending of an ask.
struct Sending {
  AskId ask = 0;
  uint32_t connection = 0;
  uint64_t known = 0;
  uint64_t before = 0;  // tag of the write sent before it on this connection to
                        // its instance, or 0
  Standing standing = {};
  uint64_t horizon = 0;  // the log's first offset, as far as anybody had been told
  int64_t at_ms = 0;     // when it was sent
  int64_t took_ms = 0;   // until the answer was there
};

/// What may be wrong in this life of the server without the server being to blame.
struct Excuses {
  bool log_stops = false;                   // WAL_IO_ERROR instead of an outcome
  bool refuses = false;                     // RATE_LIMITED
  bool lax = false;                         // a power cut may take what was acknowledged
  bool memory_full = false;                 // what makes the state larger is refused
  int64_t memory_since_ms = INT64_MIN / 2;  // when memory_full became what it is
};

class Oracle {
 public:
  explicit Oracle(Findings& findings) : findings_(findings), fold_(findings.fold()) {}
  Oracle(const Oracle&) = delete;
  Oracle& operator=(const Oracle&) = delete;

  // ---- what clients do

  uint64_t next_tag() const { return entries_.size() + 1; }
  uint64_t add(crash::Write write);
  const crash::Write& write(uint64_t tag) const { return entries_[tag - 1].write; }
  AskId add(Ask ask);
  const Ask& ask(AskId id) const { return asks_[id]; }
  /// Whether the whole ask may be sent again without knowing what became of it.
  bool repeatable(AskId id) const;
  /// Whether all its writes are in the log.
  bool took_effect(AskId id) const;

  /// `standing` is that of the connection when the request comes to its turn.
  Sending sent(AskId ask, uint32_t connection, const Standing& standing);
  /// The answer to one sending; `payload` is what `response` was parsed from.
  void heard(const Sending& sending, json::Value response, std::string_view payload, uint64_t end);
  /// The subscription that a WATCH has begun.
  StreamId begin_stream(const Sending& sending, json::Value result);
  void notified(StreamId stream, uint64_t offset, std::string_view payload, uint64_t end);
  /// The stream has ended, by whatever end of its connection.
  void end_stream(StreamId stream) { streams_[stream].open = false; }

  // ---- what the log says

  void excuse(const Excuses& excuses) { excuses_ = excuses; }
  const Excuses& excuses() const { return excuses_; }
  /// The next record.
  void read(crash::LogRecord record);
  /// Judges what can be judged by now.
  void judge();
  uint64_t last_offset() const { return records_.size(); }
  uint64_t frontier() const { return frontier_; }
  /// All of the log has been read after a restart.
  void restarted();
  /// Whether every open stream has been told of everything up to the end of the log.
  bool streams_are_whole() const;
  /// The first open stream that has not, and the offset that it lacks; for messages.
  std::string lacking() const;

  Findings& findings() { return findings_; }
  const crash::Fold& fold() const { return fold_; }
  void compare(const crash::InstanceRead& read) { fold_.compare(read); }
  struct Counts {
    uint64_t sent = 0, answered = 0, refused = 0, events = 0, unknown_found = 0, unknown_absent = 0,
             lost = 0;
  };
  const Counts& counts() const { return counts_; }

 private:
  struct Entry {
    crash::Write write;
    AskId ask = 0;
    size_t place = 0;
    uint64_t known = 0;  // when it was sent first
    uint64_t order = 0;
    uint32_t connection = 0;
    std::vector<std::string_view> actors;  // who has sent it
    uint32_t sends = 0;
    uint32_t open = 0;  // sendings without an answer
    uint64_t found = 0;
    uint64_t facts = 0;  // of its record
    bool refused = false;
    bool accepted = false;
  };
  struct Stream {
    WatchWish wish;
    uint64_t cursor = 0;  // everything up to here has been told, or was not wanted
    bool open = true;
  };
  struct Judgement {
    enum class What : uint8_t { kAnswer, kNotification };
    What what;
    Sending sending = {};
    StreamId stream = 0;
    uint64_t end = 0;
    Excuses excuses = {};
    std::string payload = {};
  };

  Entry& entry(uint64_t tag) { return entries_[tag - 1]; }
  std::string described(uint64_t tag) const;
  void close_sending(uint64_t tag, bool definite, bool accepted);
  void check_record(const crash::LogRecord& record, Entry& entry);
  void check_batch(const crash::LogRecord& record, const Entry& entry);
  Entry* find_entry(const crash::LogRecord& record);

  void judge_answer(const Judgement& judgement);
  bool allowed(const Sending& sending) const;
  void judge_forbidden(const Judgement& judgement, json::Value response);
  void judge_auth(const Judgement& judgement, json::Value response);
  void judge_writes(const Judgement& judgement, json::Value response);
  void judge_success(const Judgement& judgement, uint64_t tag, const crash::WriteAnswer& answer);
  void judge_refusal(const Judgement& judgement, json::Value error,
                     const std::vector<uint64_t>& tags);
  bool refusal_holds_at(uint64_t point, json::Value error, const std::vector<uint64_t>& tags) const;
  static bool memory_may_be_full(const Judgement& judgement);
  bool grows_at(uint64_t point, const std::vector<uint64_t>& tags) const;
  bool taken_at_full_memory(const Judgement& judgement, const Entry& entry) const;
  bool excused(const Judgement& judgement, json::Value error);
  void judge_get(const Judgement& judgement, json::Value response);
  void judge_list(const Judgement& judgement, json::Value response);
  void judge_machines(const Judgement& judgement, json::Value response);
  void judge_count(const Judgement& judgement, json::Value response);
  void judge_history(const Judgement& judgement, json::Value response);
  void judge_history_end(const Judgement& judgement, json::Value result, const Timeline& timeline);
  bool shows(json::Value event, const crash::LogRecord& record, const Timeline& timeline,
             bool with_context) const;
  void judge_log_read(const Judgement& judgement, json::Value response);
  void judge_watch(const Judgement& judgement, json::Value response);
  void judge_notification(const Judgement& judgement);
  bool wants(const WatchWish& wish, const crash::LogRecord& record) const;
  const std::string& machine_of(const crash::LogRecord& record) const;
  uint64_t earliest(const Judgement& judgement) const;
  void wrong(const Judgement& judgement, std::string why);

  Findings& findings_;
  crash::Fold fold_;
  Timelines timelines_;
  Excuses excuses_;
  Counts counts_;
  std::deque<Entry> entries_;  // by tag
  std::deque<Ask> asks_;
  std::deque<Stream> streams_;
  std::deque<Judgement> waiting_;
  std::vector<crash::LogRecord> records_;               // index is offset - 1
  std::vector<uint64_t> open_;                          // tags sent since the last restart
  std::unordered_map<std::string, uint64_t> removals_;  // instance to tag
  std::map<std::pair<uint32_t, std::string>, uint64_t> last_sent_;   // tag
  std::map<std::pair<uint32_t, std::string>, uint64_t> last_order_;  // of records
  uint64_t frontier_ = 0;
  uint64_t horizon_ = 0;
  uint64_t sends_ = 0;
  uint64_t pending_batch_tag_ = 0;
  int64_t last_ts_ = 0;
  json::Document document_;  // of the payload being judged
};

}  // namespace rstmdb::sim
