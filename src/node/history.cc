#include "node/history.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <ranges>
#include <utility>

#include "base/check.h"
#include "base/limits.h"
#include "watch/unreadable.h"

namespace rstmdb::node {
namespace {

/// What a look counts as besides the bytes that it reads: opening a file, finding the place.
constexpr size_t kLookBytes = 4 * 1024;

bool is_event(engine::RecordKind kind) {
  return kind == engine::RecordKind::kCreateInstance || kind == engine::RecordKind::kApplyEvent ||
         kind == engine::RecordKind::kDeleteInstance;
}

Error misled(const std::string& instance_id, log::Offset offset) {
  return Error(Code::kWalIoError, "a link of an instance's history does not lead to its record")
      .with("instance_id", instance_id)
      .with("offset", static_cast<int64_t>(offset));
}

/// The first offset that the log has, or will have.
log::Offset first_offset(const log::Log& log) {
  const log::Offset oldest = log.stats().oldest_offset;
  return oldest != 0 ? oldest : log.next_offset();
}

}  // namespace

Result<bool> HistoryWalk::advance(size_t spent_max, size_t& spent) {
  auto ended = read_on(spent_max, spent);
  if (ended.ok()) return ended;
  return watch::unreadable_for("GET_HISTORY", ended.error());
}

Result<bool> HistoryWalk::read_on(size_t spent_max, size_t& spent) {
  // What was read before the loop went on with others may have been trimmed since.
  end_.horizon = first_offset(options_.log);
  const auto look = options_.log.look_up();
  const size_t spent_before = spent;
  look_bytes_ = 0;
  if (next_ == 0) RSTMDB_TRY(enter(*look));
  bool ended = next_ < end_.horizon;
  while (!ended) {
    RSTMDB_ASSIGN(const Records records, records_of_unit(*look, next_));
    RSTMDB_ASSIGN(ended, take(records));
    spent = spent_before + look_bytes_ + look->bytes_read();
    if (spent >= spent_max) return ended;
  }
  return true;
}

/// Finds where to begin: with the instance's last record, or with the one before the offset if it
/// is the instance's, as it is where the page before ended.
Result<void> HistoryWalk::enter(log::Lookup& look) {
  const log::Offset before = options_.before;
  // With a whole log there is nothing before it.
  end_.complete = end_.horizon == 1;
  if (before <= end_.horizon) return {};
  end_.complete = false;
  next_ = options_.newest;
  if (before > options_.newest) return {};
  RSTMDB_ASSIGN(const Records records, records_of_unit(look, before - 1));
  // Before FLUSH_ALL the id may have been another instance's, even in the millisecond of the
  // creation.
  const bool own = !records.empty() && records.back().offset == before - 1 &&
                   records.back().ts > options_.created_at;
  if (own) next_ = before - 1;
  return {};
}

/// The instance's events up to `offset` in the unit that holds it.
Result<HistoryWalk::Records> HistoryWalk::records_of_unit(log::Lookup& look, log::Offset offset) {
  RSTMDB_ASSIGN(const log::Unit unit, look.unit_of(offset));
  look_bytes_ += kLookBytes + unit.bytes.size();
  Records records;
  engine::ChainHash chain;
  engine::RecordReader reader(unit.bytes, chain);
  reader.adopt_chain();
  while (!reader.at_end()) {
    RSTMDB_ASSIGN(const engine::Record record, reader.next());
    if (record.offset > offset) break;
    if (record.instance_id == options_.instance_id && is_event(record.kind))
      records.push_back(record);
  }
  return records;
}

/// Goes along the links as far as the unit has them. True when the page has ended.
Result<bool> HistoryWalk::take(const Records& records) {
  const log::Offset wanted = next_;
  for (const engine::Record& record : std::views::reverse(records)) {
    if (record.offset != next_) break;
    if (take_one(record)) return true;
  }
  if (next_ == wanted) return misled(options_.instance_id, wanted);
  return false;
}

bool HistoryWalk::take_one(const engine::Record& record) {
  if (record.offset < options_.before) {
    shown_bytes_ += options_.on_event(record);
    ++shown_;
  }
  next_ = record.previous_of_instance;
  end_.complete = record.kind == engine::RecordKind::kCreateInstance;
  // What came before, if anything did, is not in the log any more, or the record does not say it.
  if (next_ < end_.horizon) return true;
  if (shown_ < options_.limit && shown_bytes_ < limits::kHistoryPageBytesMax) return false;
  end_.has_more = true;
  end_.next_before = next_ + 1;
  return true;
}

Result<bool> Histories::begin(HistoryWalk& walk) {
  if (!running_.empty() || spent_ >= limits::kHistoryTurnBytesMax || !walk.may_begin())
    return false;
  return walk.advance(limits::kHistoryTurnBytesMax, spent_);
}

Result<void> Histories::make_room() {
  if (count() < limits::kHistoriesMax) return {};
  running_.remove_if(std::mem_fn(&Entry::gone));
  waiting_.remove_if(std::mem_fn(&Entry::gone));
  if (count() < limits::kHistoriesMax) return {};
  return Error(Code::kRateLimited, "too many histories are being read")
      .with("code", "TOO_MANY_HISTORIES")
      .with("limit", static_cast<int64_t>(limits::kHistoriesMax));
}

void Histories::go_on(std::unique_ptr<HistoryWalk> walk, std::unique_ptr<Asker> asker) {
  RSTMDB_CHECK(count() < limits::kHistoriesMax, "room was looked for");
  List& list = walk->may_begin() ? running_ : waiting_;
  list.push_back({std::move(walk), std::move(asker)});
}

void Histories::committed(log::Offset offset) {
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const auto entry = next++;
    if (entry->walk->newest() <= offset) running_.splice(running_.end(), waiting_, entry);
  }
}

void Histories::failed(const Error& error) {
  for (Entry& entry : std::exchange(waiting_, {})) entry.asker->tell(error);
}

Histories::Rest Histories::end_turn() {
  while (!running_.empty() && spent_ < limits::kHistoryTurnBytesMax) run_first();
  spent_ = 0;
  return running_.empty() ? Rest::kNone : Rest::kMore;
}

void Histories::run_first() {
  const auto first = running_.begin();
  if (first->gone()) return running_.pop_front();
  // A share of the turn for each of those that take turns.
  const size_t share = limits::kHistoryTurnBytesMax / limits::kHistoriesAtOnceMax;
  const auto ended = first->walk->advance(spent_ + share, spent_);
  if (ended.ok() && !*ended) {
    const auto behind = std::next(
        first, static_cast<std::ptrdiff_t>(std::min(running_.size(), limits::kHistoriesAtOnceMax)));
    running_.splice(behind, running_, first);
    return;
  }
  Entry entry = std::move(*first);
  running_.pop_front();
  entry.asker->tell(ended.ok() ? Result<HistoryEnd>(entry.walk->end()) : ended.error());
}

}  // namespace rstmdb::node
