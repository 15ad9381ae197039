// A recorded history: what each client asked, when, and what it was told; what the log says; what
// the watchers were told. One run on one data folder, in numbers instead of texts, so that hundreds
// of thousands of operations fit and a checker can go over them many times.
//
// Instances, machines and requests are numbered: instance 7 is "i7" of the machine "g3" (7 % 4), a
// write with tag 9 has "t":9 in its body, and its idempotency key is "k9". A tag belongs to one
// write; when the write is sent a second time, by its key, it is a second operation with the same
// tag.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace rstmdb::lin {

inline constexpr uint32_t kMachines = 4;
inline constexpr size_t kGroups = 4;
inline constexpr int8_t kNoState = -1;
/// Operation::dialect of what came through the HTTP door; the others are wire::Dialect.
inline constexpr uint8_t kHttp = 3;

enum class Verb : uint8_t { kCreate, kApply, kRemove, kRead };
enum class Form : uint8_t { kAlone, kAtomic, kBestEffort };
enum class Refusal : uint8_t {
  kNone,
  kConflict,
  kInvalidTransition,
  kGuardFailed,
  kNotFound,
  kExists,
  kNotNow,  // it was not carried out, for a reason that says nothing of the instance
  kStrange  // an answer that is none of the protocol's
};

/// A context. Every write sets `tag` and `n`, and the tag once more in its client's group, so that
/// a context shows four last writers.
struct Seen {
  uint64_t tag = 0;
  uint64_t n = 0;
  std::array<uint64_t, kGroups> group{};  // 0: not set
  friend bool operator==(const Seen&, const Seen&) = default;
};

/// The answer to an act. Of a success only what its verb has.
struct Answer {
  Refusal refusal = Refusal::kNone;
  bool applied = false;    // apply: as answered
  uint64_t offset = 0;     // writes: wal_offset; read: last_wal_offset
  int8_t from = kNoState;  // apply
  int8_t to = kNoState;    // create: the first state; read: the state
  Seen seen = {};          // apply, read
  friend bool operator==(const Answer&, const Answer&) = default;
};

/// What is asked of one instance.
struct Act {
  Verb verb = Verb::kRead;
  bool keyed = false;
  uint8_t group = 0;
  uint8_t event = 0;  // apply: place in crash::kEvents
  int8_t expected_state = kNoState;
  uint32_t instance = 0;
  uint64_t tag = 0;  // of writes
  uint64_t n = 0;
  uint64_t expected_offset = 0;  // 0: none
  Answer answer = {};
};

struct Row {
  uint32_t instance = 0;
  int8_t state = kNoState;
  uint64_t offset = 0;
  friend bool operator==(const Row&, const Row&) = default;
};

/// kPages is a list of everything, read in several pages: it shows no one moment. kHistory is that
/// of an instance, read back page by page.
enum class Ask : uint8_t { kActs, kList, kPages, kHistory, kWatchAll, kWatchInstance };

enum class Change : uint8_t { kPut, kCreate, kApply, kRemove };

/// A record of the log; index in History::records is offset - 1.
struct Logged {
  Change change = Change::kPut;
  int8_t from = kNoState;
  int8_t to = kNoState;
  uint8_t event = 0;
  uint32_t instance = 0;
  uint64_t offset = 0;
  uint64_t tag = 0;
  uint64_t n = 0;
  int64_t ts = 0;
  uint32_t batch_index = 0;
  uint32_t batch_size = 0;
  Seen seen = {};  // the context after it
};

/// What was answered to one GET_HISTORY.
struct HistoryPage {
  uint64_t before = 0;  // asked for what is before this offset; 0: for the newest
  uint64_t horizon = 0;
  uint64_t next_before = 0;  // 0: has_more is false
  bool complete = false;
  std::vector<Logged> events = {};  // as answered; n is not told, a creation's tag by its context
};

/// One request. Times are of one steady clock, in nanoseconds: it was sent after `invoked`, and
/// what it did, it did before `ended`. Without an answer that is the moment when the server was
/// dead.
struct Operation {
  Ask ask = Ask::kActs;
  Form form = Form::kAlone;
  bool answered = false;
  uint8_t dialect = 0;  // wire::Dialect, or kHttp
  uint32_t client = 0;
  int64_t invoked = 0;
  int64_t ended = 0;
  std::vector<Act> acts = {};  // one, or a batch's; of a history and a watch the instance alone
  // A batch that was refused as a whole: which act was, for acts[refused_at].answer. Else npos.
  uint32_t refused_at = kWhole;
  // list: everything of `machine` (and in `state`, unless kNoState); rows in the answer's order
  uint32_t machine = 0;
  int8_t state = kNoState;
  std::vector<Row> rows = {};
  // history: the pages one after the other, none when there is no such instance
  uint32_t limit = 0;  // events to a page
  bool context = false;
  std::vector<HistoryPage> pages = {};
  // watches: the end of the log, or the instance's state (kNoState: deleted) and last offset, when
  // they began
  uint64_t position = 0;

  static constexpr uint32_t kWhole = UINT32_MAX;
};

struct Told {
  Change change = Change::kApply;
  int8_t from = kNoState;
  int8_t to = kNoState;
  uint8_t event = 0;
  uint32_t instance = 0;
  uint64_t offset = 0;
  uint64_t tag = 0;  // of the payload
  int64_t at = 0;
  Seen seen = {};  // when the context was asked for
};

/// What passes; all when a set is 0. Bits are of kinds, machines, events and states.
struct Filter {
  uint8_t kinds = 0;  // of Change; 0: applies alone
  uint8_t machines = 0;
  uint8_t events = 0;
  uint8_t from_states = 0;
  uint8_t to_states = 0;
  uint32_t instance = 0;  // WATCH_INSTANCE
  bool context = true;
};

/// One subscription, from the answer to its WATCH to the end of its connection.
struct Stream {
  Filter filter = {};
  uint64_t behind = 0;       // everything that passes and has a greater offset is due
  uint64_t whole_up_to = 0;  // the reader has waited until all up to here must have come
  bool asked_offset = false;
  int8_t state = kNoState;  // WATCH_INSTANCE: current_state
  std::vector<Told> told = {};
};

/// An answer that the contract does not have for what was asked.
struct Surprise {
  uint32_t client = 0;
  int64_t at = 0;
  std::string asked = {};
  std::string answer = {};
};

struct History {
  /// The run has ended before the log was read to its end: nobody knows what the log holds of what
  /// was acknowledged last, so the checkers have nothing to say.
  bool cut_short = false;
  std::vector<Operation> operations;
  std::vector<Surprise> surprises;
  std::vector<Logged> records;
  std::vector<Stream> streams;
  std::vector<int64_t> deaths;  // when the server was dead, in order
};

/// Whether the record is one that the stream has to tell.
bool passes(const Filter& filter, const Logged& record);

}  // namespace rstmdb::lin
