// Holds what clients were told against what the log says.
//
// A run is a row of sessions, each ended by a kill. During a session the checker hears what is sent
// and answered; after the restart it is fed the records that are new, and settle() then decides
// what became of every request of the session: whatever the log does not hold by then never
// happened, so a record of it that turns up later is a phantom. Only requests that can be repeated
// safely may be sent again, and take effect at most once.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crash/fold.h"
#include "crash/history.h"
#include "crash/verdict.h"

namespace rstmdb::crash {

struct Counts {
  std::array<uint64_t, kKindCount> acknowledged{};  // writes, by kind
  uint64_t acknowledged_atomic = 0;                 // of them, in atomic batches
  uint64_t acknowledged_best_effort = 0;            // of them, in best-effort batches
  uint64_t refused = 0;
  uint64_t unknown_found = 0;  // without an answer when the server was killed
  uint64_t unknown_absent = 0;
  uint64_t retried = 0;        // requests sent again after a restart
  uint64_t retried_found = 0;  // their writes that were in the log already
  uint64_t repeated = 0;       // requests sent again although they had been answered
  uint64_t records = 0;
  uint64_t reads = 0;

  Counts& operator+=(const Counts& other);
};

class Checker {
 public:
  using RequestId = size_t;

  Checker() : fold_(verdict_) {}
  Checker(const Checker&) = delete;
  Checker& operator=(const Checker&) = delete;

  // ---- what clients do

  /// The tag that the next write has to carry in its body.
  uint64_t next_tag() const { return entries_.size() + 1; }
  /// Makes `write` known and returns its tag. At most one removal of an instance may be added.
  uint64_t add(Write write);
  /// A request is on its way for the first time: one write alone, or a batch of 1..n in this order.
  RequestId sent(uint32_t connection, Form form, const std::vector<uint64_t>& tags);
  /// The same request is on its way again.
  void sent_again(uint32_t connection, RequestId request);
  /// One answer for each write; a batch refused as a whole gives each write its error.
  void answered(RequestId request, const std::vector<WriteAnswer>& answers);
  /// A read during the load.
  void saw(const InstanceRead& read);

  // ---- what the log says after a restart

  /// A record, each offset once and in order.
  void read(const LogRecord& record);
  /// A record that read() has had already, read again.
  void read_again(const LogRecord& record);
  /// All records have been read: decides what became of what was sent.
  void settle();
  /// The log's last offset after a restart, or the end of a complete second reading.
  void log_ends_at(uint64_t offset);
  /// An instance as the server shows it when nothing is being written.
  void compare(const InstanceRead& read) { fold_.compare(read); }
  /// Its history, likewise.
  void compare(const HistoryRead& read) { fold_.compare(read); }

  /// Unanswered requests of the last session that may be sent again.
  std::vector<RequestId> take_repeatable() { return std::exchange(repeatable_, {}); }

  /// Whether every write of the request is one that may be repeated: it has a key or is a PUT.
  bool repeatable(RequestId request) const;
  /// How many writes the request has.
  size_t size_of(RequestId request) const { return requests_[request].tags.size(); }
  const Write& write(uint64_t tag) const { return entry(tag).write; }
  uint64_t last_offset() const { return marks_.size(); }
  Fold& fold() { return fold_; }
  Verdict& verdict() { return verdict_; }
  const Counts& counts() const { return counts_; }

 private:
  enum class Status : uint8_t { kUnsent, kOpen, kDone, kRefused, kAbsent };
  struct Entry {
    Write write;
    Status status = Status::kUnsent;
    uint32_t connection = 0;
    RequestId request = 0;
    size_t place = 0;            // within the request
    uint64_t order = 0;          // when it was sent
    uint64_t known_offset = 0;   // the highest offset acknowledged to anyone when it was sent
    uint64_t answer_offset = 0;  // acknowledged
    uint64_t found_offset = 0;   // in the log
    uint64_t facts = 0;          // hash of the first answer or of the record
    bool answered = false;       // some answer said that it has taken effect
  };
  struct Request {
    Form form = Form::kAlone;
    std::vector<uint64_t> tags;
  };
  struct Mark {
    uint64_t hash;      // of the record
    uint64_t instance;  // hash of the id
    uint64_t view;      // hash of state and context after it
  };
  struct Sighting {
    std::string instance_id;
    uint64_t offset;
    uint64_t view;
  };

  void send(uint32_t connection, RequestId request);
  void take_answer(Entry& entry, const WriteAnswer& answer);
  void take_success(Entry& entry, const WriteAnswer& answer);
  void take_repeat(Entry& entry, const WriteAnswer& answer);
  void count_success(const Entry& entry);
  bool may_have_lost_instance(const Request& request) const;
  Entry* find_entry(const LogRecord& record);
  void check_source(const LogRecord& record, Entry& entry);
  void check_answer(const LogRecord& record, const Entry& entry);
  void check_order(const LogRecord& record, const Entry& entry);
  void check_batch(const LogRecord& record, const Entry& entry);
  void settle_request(RequestId request);
  void settle_entry(Entry& entry);
  void settle_batch(const Request& request);
  void settle_sightings();
  Entry& entry(uint64_t tag) { return entries_[tag - 1]; }
  const Entry& entry(uint64_t tag) const { return entries_[tag - 1]; }
  std::string described(const Entry& entry) const;

  Verdict verdict_;
  Fold fold_;
  Counts counts_;
  std::vector<Entry> entries_;
  std::vector<Request> requests_;
  std::vector<RequestId> open_;  // sent since the last settle()
  std::vector<RequestId> repeatable_;
  std::vector<Mark> marks_;  // of each record read; index is offset - 1
  std::vector<Sighting> sightings_;
  std::unordered_map<std::string, uint64_t> removals_;               // instance to tag
  std::map<std::pair<uint32_t, std::string>, uint64_t> last_order_;  // per connection and instance
  uint64_t sends_ = 0;
  uint64_t acknowledged_ = 0;  // highest offset of any answer
  int64_t last_ts_ = 0;
  uint64_t pending_batch_tag_ = 0;  // the next write of the atomic batch that the log is inside of
};

}  // namespace rstmdb::crash
