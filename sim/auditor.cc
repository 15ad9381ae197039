#include "auditor.h"

#include <charconv>

namespace rstmdb::sim {
namespace {

/// The number behind `mark` in `text`; 0 when it is not there.
uint64_t number_behind(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  uint64_t number = 0;
  if (at == std::string_view::npos) return 0;
  std::from_chars(text.data() + at + mark.size(), text.data() + text.size(), number);
  return number;
}

/// What WAL_READ would say of it.
std::optional<crash::LogRecord> as_read(const engine::Record& record) {
  using engine::RecordKind;
  crash::LogRecord out;
  out.offset = record.offset;
  out.ts = record.ts;
  out.key = record.key.key;
  out.actor = record.actor;
  out.batch_index = record.batch_size > 0 ? record.batch_index : 0;
  out.batch_size = record.batch_size;
  out.instance_id = record.instance_id;
  switch (record.kind) {
    case RecordKind::kPutMachine:
      out.kind = crash::Kind::kPut;
      out.machine = record.machine;
      out.tag = number_behind(record.context, R"("meta":{"t":)");
      return out;
    case RecordKind::kCreateInstance:
      out.kind = crash::Kind::kCreate;
      out.machine = record.machine;
      out.to_state = record.to_state;
      out.body = out.context = record.context;
      out.tag = number_behind(record.context, R"({"t":)");
      return out;
    case RecordKind::kApplyEvent:
      out.kind = crash::Kind::kApply;
      out.event = record.event;
      out.from_state = record.from_state;
      out.to_state = record.to_state;
      out.body = record.payload;
      out.context = record.context;
      out.tag = number_behind(record.payload, R"({"t":)");
      return out;
    case RecordKind::kDeleteInstance:
      out.kind = crash::Kind::kRemove;
      return out;
    case RecordKind::kFlushAll:
    case RecordKind::kSnapshotInstance:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

void Auditor::detach() {
  cursor_.reset();
  node_ = nullptr;
}

Result<void> Auditor::read() {
  const uint64_t durable = node_->log().durable();
  // Also when there is nothing yet: a cursor keeps what is trimmed before it has been here again.
  if (!cursor_) {
    auto opened = node_->log().read_from(state_.last_offset() + 1);
    if (!opened.ok()) return opened.error();
    cursor_ = std::move(opened).value();
    // The unit that holds the offset is the first one that has not been read.
    adopts_ = state_.last_offset() == 0;
  }
  while (state_.last_offset() < durable) {
    const auto unit = cursor_->next();
    if (!unit.ok() || !*unit) {
      cursor_.reset();
      return unit.ok() ? Result<void>() : unit.error();
    }
    engine::RecordReader reader((*unit)->bytes, chain_);
    if (std::exchange(adopts_, false)) reader.adopt_chain();
    while (!reader.at_end()) {
      const auto record = reader.next();
      oracle_.findings().check(Rule::kLogDense, record.ok(), [&] {
        return "a unit that cannot be read: " + record.error().to_string();
      });
      if (!record.ok()) return record.error();
      take(*record);
    }
  }
  return {};
}

void Auditor::take(const engine::Record& record) {
  if (record.offset != state_.last_offset() + 1) {
    return oracle_.findings().violate(Rule::kLogDense, "offset " + std::to_string(record.offset) +
                                                           " behind " +
                                                           std::to_string(state_.last_offset()));
  }
  state_.apply(record);
  if (auto read = as_read(record)) {
    oracle_.read(std::move(*read));
  } else {
    oracle_.findings().violate(Rule::kNoPhantom, "a record of a kind that nobody asked for");
  }
}

void Auditor::compare_states() {
  const engine::State& state = node_->state();
  if (state.last_offset() != state_.last_offset()) return;
  oracle_.findings().check(Rule::kState, state.hash() == state_.hash(), [&] {
    return "at offset " + std::to_string(state.last_offset()) + " the state's hash is " +
           state.hash().hex() + ", the log makes it " + state_.hash().hex();
  });
}

}  // namespace rstmdb::sim
