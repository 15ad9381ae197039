// The checkers accept right histories, and name what is wrong with wrong ones.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "linearizability/examination.h"
#include "linearizability/history_file.h"
#include "linearizability/made_history.h"
#include "linearizability/wrong_histories.h"

namespace rstmdb::lin {
namespace {

constexpr size_t kOperations = 4'000;
constexpr uint64_t kSeeds = 3;

std::string shown(const Findings& findings) {
  std::string text;
  for (const auto& finding : findings.first_violations()) {
    text += std::string(rule_name(finding.rule)) + ": " + finding.facts + "\n";
  }
  return text;
}

TEST(Checkers, AcceptRightHistories) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    const History history = made_history(seed, kOperations);
    const Examined examined = examine(history);
    EXPECT_EQ(examined.findings.violations(), 0U) << "seed " << seed << "\n"
                                                  << shown(examined.findings);
    EXPECT_GT(examined.findings.checks(Rule::kInstanceLinearizable), 20U);
    EXPECT_GT(examined.findings.checks(Rule::kAnswerRight), kOperations / 2);
    EXPECT_GT(examined.findings.checks(Rule::kWatchRight), 1'000U);
    EXPECT_GT(examined.findings.checks(Rule::kHistoryRight), 50U);
    EXPECT_GT(std::ranges::count(history.operations, false, &Operation::answered), 5);
  }
}

/// Two orders of what has no answer lead to one state, but the key's first answer tells them apart.
TEST(Checkers, RememberTheAnswersOfKeys) {
  const auto write = [](uint64_t tag, uint8_t group, int64_t at) {
    return Operation{.client = group,
                     .invoked = at,
                     .ended = 50,
                     .acts = {{.verb = Verb::kApply, .group = group, .instance = 1, .tag = tag}}};
  };
  History history;
  history.operations.push_back(
      {.answered = true,
       .invoked = 1,
       .ended = 2,
       .acts = {
           {.verb = Verb::kCreate, .instance = 1, .tag = 1, .answer = {.offset = 5, .to = 0}}}});
  history.operations.push_back(write(2, 2, 10));
  history.operations.back().acts[0].keyed = true;
  history.operations.push_back(write(3, 1, 11));
  history.operations.push_back(write(4, 2, 12));
  Act again = history.operations[1].acts[0];
  again.answer = {.offset = 6, .from = 0, .to = 1, .seen = {.tag = 2, .group = {1, 0, 2}}};
  history.operations.push_back(
      {.answered = true, .client = 5, .invoked = 60, .ended = 70, .acts = {again}});
  Act read{.verb = Verb::kRead, .instance = 1};
  read.answer = {.offset = 8, .to = 0, .seen = {.tag = 4, .group = {1, 3, 4}}};
  history.operations.push_back(
      {.answered = true, .client = 6, .invoked = 80, .ended = 90, .acts = {read}});
  const Examined examined = examine(history);
  EXPECT_EQ(examined.findings.violations(Rule::kInstanceLinearizable), 0U);
}

class EachMistake : public testing::TestWithParam<Mistake> {};

TEST_P(EachMistake, IsFoundUnderItsName) {
  const Mistake& mistake = GetParam();
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    History history = made_history(seed, kOperations);
    crash::Dice dice(seed);
    ASSERT_TRUE(mistake.make(history, dice)) << "seed " << seed;
    const Examined examined = examine(history);
    EXPECT_GT(examined.findings.violations(mistake.rule), 0U) << "seed " << seed << "\n"
                                                              << shown(examined.findings);
    if (!mistake.one_instance) continue;
    EXPECT_GT(examined.findings.violations(Rule::kInstanceLinearizable), 0U) << "seed " << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EachMistake, testing::ValuesIn(mistakes()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST(HistoryFile, GivesBackWhatWasWritten) {
  History history = made_history(1, 1'000);
  history.surprises.push_back({.client = 3, .at = 4, .asked = "PING {}", .answer = "\"no\""});
  std::stringstream first;
  write_history(history, first);
  const auto again = read_history(first);
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_EQ(again->operations.size(), history.operations.size());
  EXPECT_EQ(again->records.size(), history.records.size());
  std::stringstream second;
  write_history(*again, second);
  EXPECT_EQ(first.str(), second.str());
}

/// Who is killed while he writes leaves a file that ends with a whole line as well.
TEST(HistoryFile, RefusesWhatHasNoEnd) {
  std::stringstream whole;
  write_history(made_history(1, 500), whole);
  const std::string text = whole.str();
  for (size_t end = text.rfind('\n', text.size() - 2); end != std::string::npos && end > 0;
       end = text.rfind('\n', end - 1)) {
    std::stringstream cut(text.substr(0, end + 1));
    ASSERT_FALSE(read_history(cut).ok()) << end;
  }
}

TEST(HistoryFile, SaysThatARunWasCutShort) {
  History history = made_history(1, 500);
  history.cut_short = true;
  std::stringstream file;
  write_history(history, file);
  const auto again = read_history(file);
  ASSERT_TRUE(again.ok()) << again.error().to_string();
  EXPECT_TRUE(again->cut_short);
}

TEST(HistoryFile, RefusesWhatIsNoHistory) {
  std::stringstream cut("{\"record\":\"put\"");
  EXPECT_FALSE(read_history(cut).ok());
  std::stringstream other("{\"something\":1}");
  EXPECT_FALSE(read_history(other).ok());
}

}  // namespace
}  // namespace rstmdb::lin
