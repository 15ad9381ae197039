#include <memory>
#include <utility>

#include "api/ops/ops.h"
#include "api/ops/refusals.h"

namespace rstmdb::api {
namespace {

using P = params::GetHistoryParam;
using engine::Record;
using engine::RecordKind;

enum class Contexts { kLeftOut, kShown };

void write_own(json::Writer& event, const Record& record) {
  switch (record.kind) {
    case RecordKind::kCreateInstance:
      event.member("type", "create_instance")
          .member("machine", record.machine)
          .member("version", record.version)
          .member("to_state", record.to_state);
      return;
    case RecordKind::kApplyEvent:
      event.member("type", "apply_event")
          .member("event", record.event)
          .member("from_state", record.from_state)
          .member("to_state", record.to_state)
          .member("payload", json::RawJson{record.payload.empty() ? "{}" : record.payload});
      if (!record.event_id.empty()) event.member("event_id", record.event_id);
      return;
    case RecordKind::kDeleteInstance:
      event.member("type", "delete_instance");
      // Records of release 0.1 do not say it.
      if (record.has_origin()) event.member("from_state", record.from_state);
      return;
    case RecordKind::kPutMachine:
    case RecordKind::kSnapshotInstance:
    case RecordKind::kFlushAll:
      return;  // no part of a history
  }
}

/// Appends an event to an array without its brackets; returns the bytes of its contents.
size_t append_event(std::string& events, const Record& record, Contexts contexts) {
  if (!events.empty()) events.push_back(',');
  json::Writer event(events);
  event.open_object().member("wal_offset", record.offset).member("ts", record.ts);
  write_own(event, record);
  size_t bytes = record.payload.size();
  if (contexts == Contexts::kShown && record.kind != RecordKind::kDeleteInstance) {
    event.member("ctx", json::RawJson{record.context});
    bytes += record.context.size();
  }
  if (!record.key.key.empty()) event.member("idempotency_key", record.key.key);
  if (!record.actor.empty()) event.member("actor", record.actor);
  if (record.batch_size > 0) {
    event.member("batch_index", record.batch_index).member("batch_size", record.batch_size);
  }
  event.close_object();
  return bytes;
}

void write_page(json::Writer& result, std::string_view id, std::string_view events,
                const node::HistoryEnd& end) {
  result.member("instance_id", id)
      .key("events")
      .open_array()
      .value(json::RawJson{events})
      .close_array()
      .member("has_more", end.has_more);
  if (end.has_more) result.member("next_before_offset", end.next_before);
  result.member("horizon", end.horizon).member("complete", end.complete);
}

/// A page that takes longer than the turn in which it was asked for.
class PageLater final : public node::Histories::Asker {
 public:
  PageLater(std::string id, std::unique_ptr<std::string> events, std::unique_ptr<Later::Owed> owed)
      : id_(std::move(id)), events_(std::move(events)), owed_(std::move(owed)) {}

  bool gone() const override { return !owed_->wanted(); }
  void tell(Result<node::HistoryEnd> end) override {
    if (!end.ok()) return owed_->give(std::move(end).error());
    owed_->give(Later::Members([id = std::move(id_), events = std::move(events_), end = *end](
                                   json::Writer& page) { write_page(page, id, *events, end); }));
  }

 private:
  std::string id_;
  std::unique_ptr<std::string> events_;
  std::unique_ptr<Later::Owed> owed_;
};

}  // namespace

Result<DependsOn> get_history(const Context& context, const Params& params, json::Writer& result) {
  const std::string_view id = params.text(P::kInstanceId);
  const engine::Instances& instances = context.node.state().instances();
  const auto slot = instances.find(id);
  if (!slot) return no_instance(id);
  const engine::Instance& instance = instances.at(*slot);
  const node::ReleaseGate& gate = context.node.gate();
  if (gate.failed() && instance.last_offset > gate.committed()) return gate.failure();

  // Apart from the result, which is gone when the walk takes longer than this turn.
  auto events = std::make_unique<std::string>();
  const Contexts contexts = params.flag(P::kIncludeCtx) ? Contexts::kShown : Contexts::kLeftOut;
  auto walk = std::make_unique<node::HistoryWalk>(node::HistoryWalk::Options{
      .log = context.node.log(),
      .instance_id = std::string(id),
      .newest = instance.last_offset,
      .created_at = instance.created_at,
      .before = params.has(P::kBeforeOffset) ? params.number(P::kBeforeOffset) : UINT64_MAX,
      .limit = params.number(P::kLimit),
      .on_event = [out = events.get(), contexts](const Record& record) {
        return append_event(*out, record, contexts);
      }});
  node::Histories& histories = context.node.histories();
  RSTMDB_ASSIGN(const bool ended, histories.begin(*walk));
  if (ended) {
    write_page(result, id, *events, walk->end());
    return DependsOn{instance.last_offset};
  }
  RSTMDB_TRY(histories.make_room());
  histories.go_on(std::move(walk), std::make_unique<PageLater>(std::string(id), std::move(events),
                                                               context.later.promise()));
  return DependsOn{};
}

}  // namespace rstmdb::api
