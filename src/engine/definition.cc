#include "engine/definition.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/hash.h"
#include "base/limits.h"
#include "engine/name.h"
#include "json/scan.h"
#include "json/writer.h"

namespace rstmdb::engine {
namespace {

Error bad(std::string path, std::string message) {
  return Error(Code::kBadRequest, std::move(message)).with("path", path);
}

std::string at(std::string_view list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

/// Indices of `names` in the order of the names, for binary search.
std::vector<uint32_t> sorted_indices(const std::vector<std::string>& names) {
  std::vector<uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, {}, [&](uint32_t i) -> const std::string& { return names[i]; });
  return order;
}

std::optional<uint32_t> find_name(const std::vector<std::string>& names,
                                  const std::vector<uint32_t>& order, std::string_view name) {
  const auto found = std::ranges::lower_bound(
      order, name, {}, [&](uint32_t i) { return std::string_view(names[i]); });
  if (found == order.end() || names[*found] != name) return std::nullopt;
  return *found;
}

void append_canonical_transition(json::Writer& writer, json::Value transition) {
  writer.open_object();
  for (json::Value member = transition.first(); member; member = member.next()) {
    const std::string_view key = member.key();
    if (member.is_null() && (key == "guard" || key == "meta")) continue;
    writer.key(key);
    if (key == "from" && member.is_string()) {
      writer.open_array().value(json::RawJson{member.text()}).close_array();
    } else {
      writer.value(json::RawJson{member.text()});
    }
  }
  writer.close_object();
}

std::string canonical_form(json::Value definition) {
  std::string plain;
  json::Writer writer(plain);
  writer.open_object();
  for (json::Value member = definition.first(); member; member = member.next()) {
    const std::string_view key = member.key();
    if (member.is_null() && key == "meta") continue;
    writer.key(key);
    if (key != "transitions") {
      writer.value(json::RawJson{member.text()});
      continue;
    }
    writer.open_array();
    for (json::Value t = member.first(); t; t = t.next()) append_canonical_transition(writer, t);
    writer.close_array();
  }
  writer.close_object();
  std::string sorted;
  sorted.reserve(plain.size());
  json::append_sorted(sorted, plain);
  return sorted;
}

}  // namespace

/// Builds one Definition, part by part; each step refuses at the first thing that is wrong.
class DefinitionParser {
 public:
  explicit DefinitionParser(json::Value source) : source_(source) {}

  Result<Definition> run() {
    if (!source_.is_object()) return bad("", "a definition is a JSON object");
    RSTMDB_TRY(check_size(source_.text().size()));
    RSTMDB_TRY(read_states());
    RSTMDB_TRY(read_initial());
    RSTMDB_TRY(read_transitions());
    const json::Value meta = source_["meta"];
    if (meta && !meta.is_object() && !meta.is_null()) return bad("meta", "meta must be an object");
    RSTMDB_TRY(sort_edges());
    made_.canonical_ = canonical_form(source_);
    // Each `from` that is a string grows into an array. What the state folds is the canonical form.
    RSTMDB_TRY(check_size(made_.canonical_.size()));
    made_.checksum_ = sha256_hex(made_.canonical_);
    return std::move(made_);
  }

 private:
  static Result<void> check_size(size_t bytes) {
    if (bytes <= limits::kDefinitionBytesMax) return {};
    return bad("", "the definition is longer than 1 MiB")
        .with("limit", static_cast<int64_t>(limits::kDefinitionBytesMax));
  }

  Result<void> read_states() {
    const json::Value states = source_["states"];
    if (!states.is_array() || states.size() == 0) {
      return bad("states", "states must be a non-empty array of names");
    }
    if (states.size() > limits::kStatesMax) {
      return bad("states", "more states than the limit")
          .with("limit", static_cast<int64_t>(limits::kStatesMax));
    }
    for (json::Value state = states.first(); state; state = state.next()) {
      const size_t index = made_.states_.size();
      RSTMDB_TRY(check_name(state, at("states", index), "a state"));
      made_.states_.emplace_back(state.string());
    }
    made_.states_by_name_ = sorted_indices(made_.states_);
    return refuse_double_states();
  }

  Result<void> refuse_double_states() {
    const auto& order = made_.states_by_name_;
    for (size_t i = 1; i < order.size(); ++i) {
      if (made_.states_[order[i - 1]] != made_.states_[order[i]]) continue;
      return bad(at("states", order[i]),
                 "state \"" + made_.states_[order[i]] + "\" is listed twice");
    }
    return {};
  }

  Result<void> read_initial() {
    const json::Value initial = source_["initial"];
    if (!initial.is_string()) return bad("initial", "initial must name the first state");
    RSTMDB_ASSIGN(made_.initial_, known_state(initial, "initial"));
    return {};
  }

  Result<void> read_transitions() {
    const json::Value transitions = source_["transitions"];
    if (!transitions.is_array()) return bad("transitions", "transitions must be an array");
    if (transitions.size() > limits::kTransitionsMax) {
      return bad("transitions", "more transitions than the limit")
          .with("limit", static_cast<int64_t>(limits::kTransitionsMax));
    }
    uint32_t index = 0;
    for (json::Value t = transitions.first(); t; t = t.next()) {
      RSTMDB_TRY(read_transition(t, index++));
    }
    return {};
  }

  Result<void> read_transition(json::Value transition, uint32_t index) {
    const std::string place = at("transitions", index);
    if (!transition.is_object()) return bad(place, "a transition is a JSON object");
    Edge edge;
    RSTMDB_TRY(check_name(transition["event"], place + ".event", "an event"));
    RSTMDB_ASSIGN(edge.to, known_state(transition["to"], place + ".to"));
    RSTMDB_ASSIGN(edge.guard, read_guard(transition["guard"], place + ".guard"));
    edge.event = event_index(transition["event"].string());

    const json::Value from = transition["from"];
    if (from.is_string()) {
      RSTMDB_ASSIGN(edge.from, known_state(from, place + ".from"));
      return add_edge(edge, index);
    }
    if (!from.is_array() || from.size() == 0) {
      return bad(place + ".from", "from must be a state or a non-empty array of states");
    }
    size_t position = 0;
    for (json::Value state = from.first(); state; state = state.next()) {
      RSTMDB_ASSIGN(edge.from, known_state(state, at(place + ".from", position++)));
      RSTMDB_TRY(add_edge(edge, index));
    }
    return {};
  }

  Result<uint32_t> read_guard(json::Value text, const std::string& place) {
    if (!text || text.is_null()) return Edge::kNoGuard;
    if (!text.is_string()) return bad(place, "guard must be a string");
    auto guard = guard::Guard::compile(text.string());
    if (!guard.ok()) return std::move(guard).error().with("path", place);
    made_.guards_.push_back(std::move(guard).value());
    return static_cast<uint32_t>(made_.guards_.size() - 1);
  }

  /// Sorts for lookup, keeping definition order, and refuses what an unguarded transition makes
  /// unreachable.
  Result<void> sort_edges() {
    std::vector<uint32_t> order(made_.edges_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::stable_sort(order, {}, [&](uint32_t i) {
      return std::pair(made_.edges_[i].from, made_.edges_[i].event);
    });
    std::vector<Edge> sorted;
    sorted.reserve(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
      const Edge& edge = made_.edges_[order[i]];
      if (!sorted.empty()) {
        const Edge& before = sorted.back();
        const bool same_place = before.from == edge.from && before.event == edge.event;
        if (same_place && before.guard == Edge::kNoGuard) {
          return bad(at("transitions", source_index_[order[i]]),
                     "this transition can never be taken: an earlier one without a guard has the "
                     "same state and event")
              .with("state", made_.states_[edge.from])
              .with("event", made_.events_[edge.event])
              .with("behind", at("transitions", source_index_[order[i - 1]]));
        }
      }
      sorted.push_back(edge);
    }
    made_.edges_ = std::move(sorted);
    made_.events_by_name_ = sorted_indices(made_.events_);
    return {};
  }

  Result<void> add_edge(const Edge& edge, uint32_t index) {
    if (made_.edges_.size() == limits::kEdgesMax) {
      return bad(at("transitions", index) + ".from",
                 "more transitions than the limit, counting each state in from")
          .with("limit", static_cast<int64_t>(limits::kEdgesMax));
    }
    made_.edges_.push_back(edge);
    source_index_.push_back(index);
    return {};
  }

  uint32_t event_index(std::string_view name) {
    const auto known = event_indices_.find(name);
    if (known != event_indices_.end()) return known->second;
    const auto index = static_cast<uint32_t>(made_.events_.size());
    made_.events_.emplace_back(name);
    event_indices_.emplace(name, index);
    return index;
  }

  Result<StateIndex> known_state(json::Value name, const std::string& place) {
    if (!name.is_string()) return bad(place, "here belongs the name of a state");
    const auto index = find_name(made_.states_, made_.states_by_name_, name.string());
    if (!index) {
      return bad(place, "state \"" + std::string(name.string()) + "\" is not among the states");
    }
    return static_cast<StateIndex>(*index);
  }

  static Result<void> check_name(json::Value name, const std::string& place, const char* what) {
    if (!name.is_string()) return bad(place, std::string(what) + " is a string");
    const std::string_view fault = name_fault(name.string());
    if (!fault.empty()) return bad(place, std::string(what) + "'s name " + std::string(fault));
    return {};
  }

  json::Value source_;
  Definition made_;
  std::vector<uint32_t> source_index_;  // of each edge: its transition's place in the source
  std::map<std::string, uint32_t, std::less<>> event_indices_;
};

Result<Definition> Definition::parse(json::Value definition) {
  return DefinitionParser(definition).run();
}

std::optional<StateIndex> Definition::find_state(std::string_view name) const {
  const auto index = find_name(states_, states_by_name_, name);
  if (!index) return std::nullopt;
  return static_cast<StateIndex>(*index);
}

std::span<const Edge> Definition::edges_for(StateIndex state, std::string_view event) const {
  const auto index = find_name(events_, events_by_name_, event);
  if (!index) return {};
  const auto range =
      std::ranges::equal_range(edges_, std::pair(state, *index), {},
                               [](const Edge& e) { return std::pair(e.from, e.event); });
  return {range.begin(), range.end()};
}

}  // namespace rstmdb::engine
