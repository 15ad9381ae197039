#include "engine/draft.h"

#include <algorithm>
#include <ranges>

namespace rstmdb::engine {

void Draft::clear() {
  records_.clear();
  keys_ahead_.clear();
  kept_used_ = 0;
}

bool Draft::grows_state() const {
  return std::ranges::any_of(records_,
                             [this](const Record& record) { return grows_state_by(record); });
}

bool Draft::grows_state_by(const Record& record) const {
  switch (record.kind) {
    case RecordKind::kPutMachine:
    case RecordKind::kCreateInstance:
      return true;
    case RecordKind::kApplyEvent: {
      // One that the draft itself creates has been counted with its creation.
      const auto slot = state_.instances().find(record.instance_id);
      if (!slot) return false;
      const Instance& instance = state_.instances().at(*slot);
      const std::string_view event_id =
          record.event_id.empty() ? instance.last_event_id() : record.event_id;
      return record.context.size() + event_id.size() >
             instance.context().size() + instance.last_event_id().size();
    }
    case RecordKind::kDeleteInstance:
    case RecordKind::kSnapshotInstance:
    case RecordKind::kFlushAll:
      return false;
  }
  return false;
}

std::string& Draft::keep() {
  if (kept_used_ == kept_.size()) kept_.emplace_back();
  std::string& text = kept_[kept_used_++];
  text.clear();
  return text;
}

std::optional<InstanceView> Draft::find_instance(std::string_view id) const {
  for (const Record& record : std::views::reverse(records_)) {
    if (record.instance_id == id && record.kind != RecordKind::kSnapshotInstance)
      return view_of(record);
  }
  const auto slot = state_.instances().find(id);
  if (!slot) return std::nullopt;
  const Instance& instance = state_.instances().at(*slot);
  return InstanceView{instance.definition,  instance.state,     instance.deleted(),
                      instance.last_offset, instance.context(), slot};
}

std::optional<InstanceView> Draft::view_of(const Record& record) const {
  InstanceView view;
  view.last_offset = record.offset;
  view.slot = record.slot;
  view.deleted = record.kind == RecordKind::kDeleteInstance;
  if (view.deleted) return view;
  view.context = record.context;
  view.definition = state_.machines().find(record.machine)->versions.at(record.version);
  view.state = *state_.machines().at(view.definition).definition.find_state(record.to_state);
  return view;
}

std::optional<KeyView> Draft::find_key(const KeyScope& scope, int64_t now_ms) const {
  for (const Record& record : std::views::reverse(records_)) {
    if (record.key.key != scope.key || record.kind != scope.operation) continue;
    if (key_scope(record).subject != scope.subject) continue;
    return KeyView{record.key.fingerprint, record.offset,  record.instance_id, record.from_state,
                   record.to_state,        record.context, record.event_id};
  }
  const KeyResult* found = state_.keys().find(scope, now_ms);
  if (found == nullptr) return std::nullopt;
  const StoredDefinition& stored = state_.machines().at(found->definition);
  return KeyView{found->fingerprint,
                 found->offset,
                 found->instance_id,
                 stored.state_name(found->from),
                 stored.state_name(found->to),
                 found->context,
                 found->event_id};
}

uint32_t Draft::make_room_for_key(const Record& record, size_t keys_max, size_t bytes_max) {
  // As State keeps it: the context only of what an event has led to.
  const size_t context = record.kind == RecordKind::kApplyEvent ? record.context.size() : 0;
  const size_t bytes = Keys::entry_bytes(
      key_scope(record).size(), record.instance_id.size() + context + record.event_id.size());
  return keys_ahead_.add(state_.keys(), bytes, record.ts, keys_max, bytes_max);
}

void Draft::number_batch() {
  const auto size = static_cast<uint32_t>(records_.size());
  for (uint32_t i = 0; i < size; ++i) {
    records_[i].batch_index = i;
    records_[i].batch_size = size;
  }
}

}  // namespace rstmdb::engine
