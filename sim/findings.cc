#include "findings.h"

namespace rstmdb::sim {
namespace {

constexpr std::string_view kNames[kRuleCount] = {
    "answers_right", "nothing_lost", "no_phantom",  "once",  "order",
    "batch_whole",   "log_dense",    "fold",        "state", "streams",
    "comes_back",    "damage_found", "answers_come"};

}  // namespace

std::string_view rule_name(Rule rule) { return kNames[static_cast<size_t>(rule)]; }

std::vector<Findings::Violation> Findings::violations() const {
  std::vector<Violation> all = rules_.first_violations();
  for (const auto& violation : fold_.first_violations()) {
    all.push_back(
        {Rule::kFold, std::string(crash::rule_name(violation.rule)) + ": " + violation.facts});
  }
  return all;
}

}  // namespace rstmdb::sim
