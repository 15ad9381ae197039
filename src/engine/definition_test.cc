// The bounds of a definition, each at its limit and one above. What definitions mean and how the
// wrong ones are refused is in testdata/ and in protocol/vectors/definitions.json.
#include "engine/definition.h"

#include <gtest/gtest.h>

namespace rstmdb::engine {
namespace {

Result<Definition> parse(const std::string& text) {
  json::Document document;
  RSTMDB_TRY(document.parse(text));
  return Definition::parse(document.root());
}

std::string states(size_t count) {
  std::string text = R"({"states":[)";
  for (size_t i = 0; i < count; ++i) text += (i == 0 ? "\"s" : ",\"s") + std::to_string(i) + '"';
  return text + R"(],"initial":"s0")";
}

void expect_limit(const Result<Definition>& refused, std::string_view path, size_t limit) {
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), Code::kBadRequest);
  EXPECT_EQ(refused.error().detail("path"), path);
  EXPECT_EQ(refused.error().detail_number("limit", 0), static_cast<int64_t>(limit));
}

TEST(DefinitionLimits, States) {
  EXPECT_TRUE(parse(states(limits::kStatesMax) + R"(,"transitions":[]})").ok());
  expect_limit(parse(states(limits::kStatesMax + 1) + R"(,"transitions":[]})"), "states",
               limits::kStatesMax);
  expect_limit(parse(states(90'000) + R"(,"transitions":[]})"), "states", limits::kStatesMax);
}

std::string with_transitions(size_t count) {
  std::string text = states(2) + R"(,"transitions":[)";
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += ',';
    text += R"({"from":"s0","event":"e)" + std::to_string(i) + R"(","to":"s1"})";
  }
  return text + "]}";
}

TEST(DefinitionLimits, Transitions) {
  EXPECT_TRUE(parse(with_transitions(limits::kTransitionsMax)).ok());
  expect_limit(parse(with_transitions(limits::kTransitionsMax + 1)), "transitions",
               limits::kTransitionsMax);
}

std::string with_edges(size_t transitions, size_t extra) {
  const size_t from_each = 1'000;
  std::string from;
  for (size_t i = 0; i < from_each; ++i)
    from += (i == 0 ? "\"s" : ",\"s") + std::to_string(i) + '"';
  std::string text = states(from_each) + R"(,"transitions":[)";
  for (size_t i = 0; i < transitions; ++i) {
    if (i > 0) text += ',';
    text += R"({"from":[)" + from + R"(],"event":"e)" + std::to_string(i) + R"(","to":"s1"})";
  }
  for (size_t i = 0; i < extra; ++i) text += R"(,{"from":"s0","event":"more","to":"s1"})";
  return text + "]}";
}

TEST(DefinitionLimits, Edges) {
  const size_t transitions = limits::kEdgesMax / 1'000;
  const auto at_limit = parse(with_edges(transitions, 0));
  ASSERT_TRUE(at_limit.ok()) << at_limit.error().to_string();
  EXPECT_EQ(at_limit->edges().size(), limits::kEdgesMax);
  expect_limit(parse(with_edges(transitions, 1)),
               "transitions[" + std::to_string(transitions) + "].from", limits::kEdgesMax);
}

TEST(DefinitionLimits, Bytes) {
  const std::string start = states(1) + R"(,"transitions":[],"meta":{"x":")";
  const std::string end = "\"}}";
  const size_t room = limits::kDefinitionBytesMax - start.size() - end.size();
  EXPECT_TRUE(parse(start + std::string(room, 'x') + end).ok());
  expect_limit(parse(start + std::string(room + 1, 'x') + end), "", limits::kDefinitionBytesMax);
}

TEST(DefinitionLimits, BytesCountInTheCanonicalFormToo) {
  // Each `from` that is a text becomes an array there, two bytes longer.
  const size_t transitions = 15'000;
  std::string text = with_transitions(transitions);
  text.pop_back();
  text += R"(,"meta":{"x":")";
  text += std::string(limits::kDefinitionBytesMax - text.size() - transitions - 3, 'x') + "\"}}";
  ASSERT_LT(text.size(), limits::kDefinitionBytesMax);
  expect_limit(parse(text), "", limits::kDefinitionBytesMax);
}

TEST(DefinitionLimits, NamesAtTheLimitAndAbove) {
  const std::string longest(limits::kNameBytesMax, 'n');
  const auto with_state = [](const std::string& name) {
    return parse(R"({"states":[")" + name + R"("],"initial":")" + name + R"(","transitions":[]})");
  };
  EXPECT_TRUE(with_state(longest).ok());
  const auto refused = with_state(longest + "n");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail("path"), "states[0]");
}

TEST(Definition, NullsWhereNothingNeedStandAreAsGoodAsNothing) {
  const auto plain = parse(R"({"states":["a"],"initial":"a",
      "transitions":[{"from":"a","event":"E","to":"a"}]})");
  const auto nulls = parse(R"({"states":["a"],"initial":"a","meta":null,
      "transitions":[{"from":["a"],"event":"E","to":"a","guard":null,"meta":null}]})");
  ASSERT_TRUE(plain.ok() && nulls.ok());
  EXPECT_EQ(plain->canonical(), nulls->canonical());
  const auto kept = parse(R"({"states":["a"],"initial":"a","meta":{"x":null},"note":null,
      "transitions":[{"from":"a","event":"E","to":"a","guard":"true","meta":[],"note":null}]})");
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->canonical(), R"({"initial":"a","meta":{"x":null},"note":null,"states":["a"],)"
                               R"("transitions":[{"event":"E","from":["a"],"guard":"true",)"
                               R"("meta":[],"note":null,"to":"a"}]})");
}

TEST(Definition, WhatIsOfAnotherTypeIsRefusedAtItsPlace) {
  const auto path_of = [](const std::string& text) {
    const auto refused = parse(text);
    EXPECT_FALSE(refused.ok()) << text;
    if (refused.ok()) return std::string();
    EXPECT_EQ(refused.error().code(), Code::kBadRequest);
    return std::string(refused.error().detail("path"));
  };
  const auto with = [&](const std::string& rest) {
    return path_of(R"({"states":["a","b"],"initial":"a",)" + rest + "}");
  };
  const auto transition = [&](const std::string& fields) {
    return with(R"("transitions":[{"from":"a","event":"F","to":"b"},{)" + fields + "}]");
  };
  EXPECT_EQ(path_of("[]"), "");
  EXPECT_EQ(path_of(R"({"states":"a"})"), "states");
  EXPECT_EQ(path_of(R"({"states":[]})"), "states");
  EXPECT_EQ(path_of(R"({"states":["a",1]})"), "states[1]");
  EXPECT_EQ(path_of(R"({"states":["a","b","a"]})"), "states[2]");
  EXPECT_EQ(path_of(R"({"states":["a"],"initial":0})"), "initial");
  EXPECT_EQ(path_of(R"({"states":["a"],"initial":"b"})"), "initial");
  EXPECT_EQ(with(R"("transitions":{})"), "transitions");
  EXPECT_EQ(with(R"("transitions":["a"])"), "transitions[0]");
  EXPECT_EQ(with(R"("transitions":[],"meta":"text")"), "meta");
  EXPECT_EQ(transition(R"("from":"a","to":"b")"), "transitions[1].event");
  EXPECT_EQ(transition(R"("from":"a","event":"","to":"b")"), "transitions[1].event");
  EXPECT_EQ(transition(R"("from":"a","event":"E","to":["b"])"), "transitions[1].to");
  EXPECT_EQ(transition(R"("from":"a","event":"E","to":"c")"), "transitions[1].to");
  EXPECT_EQ(transition(R"("from":"c","event":"E","to":"b")"), "transitions[1].from");
  EXPECT_EQ(transition(R"("from":{},"event":"E","to":"b")"), "transitions[1].from");
  EXPECT_EQ(transition(R"("from":[],"event":"E","to":"b")"), "transitions[1].from");
  EXPECT_EQ(transition(R"("from":["a",2],"event":"E","to":"b")"), "transitions[1].from[1]");
  EXPECT_EQ(transition(R"("from":"a","event":"E","to":"b","guard":true)"), "transitions[1].guard");
  EXPECT_EQ(transition(R"("from":"a","event":"E","to":"b","guard":"1 +")"), "transitions[1].guard");
  EXPECT_EQ(transition(R"("from":["b","a"],"event":"F","to":"b")"), "transitions[1]")
      << "it can never be taken";
}

TEST(Definition, EveryStateAndEventIsFoundAmongMany) {
  const auto definition = parse(with_transitions(3'000));
  ASSERT_TRUE(definition.ok());
  for (size_t i = 0; i < 3'000; ++i) {
    const auto edges = definition->edges_for(0, "e" + std::to_string(i));
    ASSERT_EQ(edges.size(), 1u) << i;
    EXPECT_EQ(edges.front().to, 1);
    EXPECT_TRUE(definition->edges_for(1, "e" + std::to_string(i)).empty());
  }
  EXPECT_TRUE(definition->edges_for(0, "e3000").empty());
}

}  // namespace
}  // namespace rstmdb::engine
