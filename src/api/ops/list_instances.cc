#include <charconv>
#include <optional>
#include <string>

#include "api/ops/ops.h"
#include "engine/listing.h"

namespace rstmdb::api {
namespace {

using P = params::ListInstancesParam;

// A cursor names the first slot of the next page. Clients pass it back as they got it.
constexpr char kCursorMark = 'i';

std::string cursor_text(engine::Slot slot) { return kCursorMark + std::to_string(slot); }

std::optional<engine::Slot> cursor_slot(std::string_view text) {
  if (text.size() < 2 || text.front() != kCursorMark) return std::nullopt;
  engine::Slot slot = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + 1, end, slot);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return slot;
}

void write_row(json::Writer& result, const engine::State& state, engine::Slot slot) {
  const engine::Instance& instance = state.instances().at(slot);
  const engine::StoredDefinition& stored = state.machines().at(instance.definition);
  result.open_object()
      .member("id", instance.id())
      .member("machine", std::string_view(stored.machine->name))
      .member("version", stored.version)
      .member("state", std::string_view(stored.state_name(instance.state)))
      .member("created_at", instance.created_at)
      .member("updated_at", instance.updated_at)
      .member("last_wal_offset", instance.last_offset)
      .close_object();
}

}  // namespace

Result<DependsOn> list_instances(const Context& context, const Params& params,
                                 json::Writer& result) {
  engine::ListQuery query;
  query.machine = params.text(P::kMachine);
  query.state = params.text(P::kState);
  query.limit = params.number(P::kLimit);
  query.offset = params.number(P::kOffset);
  if (params.has(P::kCursor)) {
    const auto from = cursor_slot(params.text(P::kCursor));
    if (!from) {
      return Error(Code::kBadRequest, "cursor is not one that this server has given")
          .with("path", "cursor");
    }
    if (query.offset > 0) {
      return Error(Code::kBadRequest, "offset and cursor cannot be combined")
          .with("path", "offset");
    }
    query.from = *from;
  }
  const engine::State& state = context.node.state();
  const engine::Page page = engine::list_instances(state, query);
  result.key("instances").open_array();
  for (const engine::Slot slot : page.slots) write_row(result, state, slot);
  result.close_array().member("total", page.total).member("has_more", page.next.has_value());
  if (page.next) {
    result.member("next_cursor", std::string_view(cursor_text(*page.next)));
  } else {
    result.key("next_cursor").null();
  }
  return DependsOn{context.node.head()};
}

}  // namespace rstmdb::api
