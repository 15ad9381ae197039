#include "engine/listing.h"

#include <algorithm>

namespace rstmdb::engine {
namespace {

/// The disjoint sets whose union the query asks for.
std::vector<const SlotSet*> matching_sets(const State& state, const ListQuery& query) {
  if (query.machine.empty() && query.state.empty()) return {&state.live()};
  std::vector<const SlotSet*> sets;
  const auto add = [&](const Machine& machine) {
    if (query.state.empty()) {
      sets.push_back(&machine.members);
    } else if (const StateGroup* group = machine.find_group(query.state)) {
      if (group->members.count() > 0) sets.push_back(&group->members);
    }
  };
  if (query.machine.empty()) {
    for (const auto& [name, machine] : state.machines().by_name()) add(*machine);
  } else if (const Machine* machine = state.machines().find(query.machine)) {
    add(*machine);
  }
  return sets;
}

/// Where the union has skipped `skip` members from `from` on; nothing when it has no more. Found by
/// halving: going there step by step would hold up everybody else for seconds among millions.
std::optional<Slot> slot_behind(const std::vector<const SlotSet*>& sets, Slot from, uint64_t skip,
                                Slot slots) {
  const auto rank = [&sets](Slot slot) {
    uint64_t members = 0;
    for (const SlotSet* set : sets) members += set->rank(slot);
    return members;
  };
  if (from >= slots) return std::nullopt;
  const uint64_t skipped = skip + (from == 0 ? 0 : rank(from - 1));
  Slot last = slots - 1;
  if (rank(last) <= skipped) return std::nullopt;
  while (from < last) {
    const Slot middle = from + (last - from) / 2;
    if (rank(middle) > skipped) {
      last = middle;
    } else {
      from = middle + 1;
    }
  }
  return from;
}

/// Walks the union of disjoint sets in order: a heap of the next member of each.
class UnionWalk {
 public:
  UnionWalk(const std::vector<const SlotSet*>& sets, Slot from) {
    for (const SlotSet* set : sets) push(set, from);
  }
  std::optional<Slot> next() {
    if (heap_.empty()) return std::nullopt;
    std::ranges::pop_heap(heap_, later);
    const Head head = heap_.back();
    heap_.pop_back();
    if (head.slot != UINT32_MAX) push(head.set, head.slot + 1);
    return head.slot;
  }

 private:
  struct Head {
    Slot slot;
    const SlotSet* set;
  };
  static bool later(const Head& a, const Head& b) { return a.slot > b.slot; }
  void push(const SlotSet* set, Slot from) {
    const auto slot = set->next(from);
    if (!slot) return;
    heap_.push_back({*slot, set});
    std::ranges::push_heap(heap_, later);
  }
  std::vector<Head> heap_;
};

}  // namespace

Page list_instances(const State& state, const ListQuery& query) {
  const std::vector<const SlotSet*> sets = matching_sets(state, query);
  Page page;
  for (const SlotSet* set : sets) page.total += set->count();

  Slot from = query.from;
  if (query.offset > 0) {
    const auto start = slot_behind(sets, from, query.offset, state.instances().size());
    if (!start) return page;
    from = *start;
  }
  UnionWalk walk(sets, from);
  while (const auto slot = walk.next()) {
    if (page.slots.size() == query.limit) {
      page.next = slot;
      break;
    }
    page.slots.push_back(*slot);
  }
  return page;
}

}  // namespace rstmdb::engine
