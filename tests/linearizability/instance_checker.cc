#include "linearizability/instance_checker.h"

#include <string>

#include "linearizability/local_history.h"
#include "linearizability/search.h"

namespace rstmdb::lin {
namespace {

// Of one instance. What was on its way to it when the server died can be so much that all its
// orders are too many; then the log is asked what became of that, and of nothing else.
constexpr uint64_t kStepsMax = 200'000;
constexpr uint64_t kInformedStepsMax = 2'000'000;
constexpr uint64_t kUndecidedPercentMax = 1;

std::string shown(uint32_t instance, const LocalOperation& operation) {
  std::string text = "instance " + std::to_string(instance) + ": no order explains what began at " +
                     std::to_string(operation.invoked);
  for (const Act* act : operation.acts) text += ", tag " + std::to_string(act->tag);
  return text;
}

}  // namespace

SearchCounts check_instances(const History& history, const Timeline& timeline, Findings& findings) {
  SearchCounts counts;
  const auto parts = split_by_instance(history);
  for (uint32_t instance = 0; instance < parts.size(); ++instance) {
    if (parts[instance].empty()) continue;
    ++counts.instances;
    counts.operations += parts[instance].size();
    const auto note = [&](const Search& search, Search::Result result) {
      counts.steps += search.steps();
      findings.check(Rule::kInstanceLinearizable, result != Search::Result::kNone,
                     [&] { return shown(instance, search.obstacle()); });
    };
    Search search(parts[instance]);
    const Search::Result result = search.run(kStepsMax);
    note(search, result);
    if (result != Search::Result::kGivenUp) continue;
    ++counts.informed;
    const auto informed = inform(parts[instance], timeline);
    Search again(informed);
    const Search::Result certain = again.run(kInformedStepsMax);
    note(again, certain);
    if (certain == Search::Result::kGivenUp) ++counts.undecided;
  }
  findings.check(Rule::kSearchEnds,
                 counts.undecided * 100 <= counts.instances * kUndecidedPercentMax, [&] {
                   return std::to_string(counts.undecided) + " of " +
                          std::to_string(counts.instances) + " instances are undecided";
                 });
  return counts;
}

}  // namespace rstmdb::lin
