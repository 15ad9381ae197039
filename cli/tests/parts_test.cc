// The parts of the program that need neither a server nor a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "command_table.h"
#include "completion.h"
#include "graph.h"
#include "output.h"
#include "results.h"
#include "source_place.h"
#include "validate.h"
#include "words.h"

namespace rstmdb::cli {
namespace {

using client::Json;

TEST(Words, AreSplitAsAShellWould) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_words("  a  b\tc "), (Words{"a", "b", "c"}));
  EXPECT_EQ(split_words(R"(x -p '{"a": "b c"}' y)"), (Words{"x", "-p", R"({"a": "b c"})", "y"}));
  EXPECT_EQ(split_words(R"("a \" \\ \n" b\ c)"), (Words{R"(a " \ \n)", "b c"}));
  EXPECT_EQ(split_words("a''b \"\""), (Words{"ab", ""}));
  EXPECT_EQ(split_words("a # b"), (Words{"a"}));
  EXPECT_EQ(split_words("a#b"), (Words{"a#b"}));
  EXPECT_EQ(split_words(""), Words{});
  EXPECT_EQ(split_words("a 'b"), std::nullopt);
  EXPECT_EQ(split_words("a \"b\\\""), std::nullopt);
}

TEST(SourcePlace, FindsTheBytesOfPaths) {
  const std::string text = R"({ "a" : [ 1, {"b,]": "x}", "c": [true, null]} ], "d": "e" })";
  const auto at = [&](std::string_view path) { return text.substr(byte_of_path(text, path), 4); };
  EXPECT_EQ(at(""), "{ \"a");
  EXPECT_EQ(at("a"), "[ 1,");
  EXPECT_EQ(at("a[0]"), "1, {");
  EXPECT_EQ(at("a[1]"), "{\"b,");
  EXPECT_EQ(at("a[1].c[1]"), "null");
  EXPECT_EQ(at("d"), "\"e\" ");
  EXPECT_EQ(at("a[7].x"), "[ 1,");  // the last part that exists
  EXPECT_EQ(at("none"), "{ \"a");
  for (size_t cut = 0; cut <= text.size(); ++cut) {  // stays inside whatever it is given
    EXPECT_LE(byte_of_path(std::string_view(text).substr(0, cut), "a[1].c[1]"), cut);
  }
}

TEST(SourcePlace, CountsColumnsBehindEscapes) {
  const std::string text = R"("a\"\u00e9b")";
  EXPECT_EQ(text[byte_in_string(text, 0, 1)], 'a');
  EXPECT_EQ(byte_in_string(text, 0, 2), 2u);
  EXPECT_EQ(byte_in_string(text, 0, 3), 4u);
  EXPECT_EQ(text[byte_in_string(text, 0, 5)], 'b');
  EXPECT_EQ(byte_in_string(text, 0, 99), text.size() - 1);
}

TEST(SourcePlace, ShowsTheLineWithACaretUnderTheByte) {
  EXPECT_EQ(show_place("f", "one\nt\xc3\xa9o\n", 7),
            "f:2:4\n"
            "  2 | t\xc3\xa9o\n"
            "    |   ^\n");
  EXPECT_EQ(show_place("f", "", 0), "f:1:1\n  1 | \n    | ^\n");
  EXPECT_EQ(show_place("f", "ab", 2), "f:1:3\n  1 | ab\n    |   ^\n");
  EXPECT_EQ(show_place("f", "a\n", 1), "f:1:2\n  1 | a\n    |  ^\n");
  const std::string cut = show_place("f", std::string(500, 'x'), 250);
  EXPECT_THAT(cut, testing::HasSubstr("f:1:251\n  1 | …xxx"));
  EXPECT_LT(cut.size(), 260u);
}

TEST(Output, NoStoredTextDrivesTheTerminal) {
  EXPECT_EQ(printable("a\x1b[31m\x07\n\t\x7f\xc2\x9b\xc3\xa9"),
            "a\\x1b[31m\\x07\\n\\t\\x7f\\x9b\xc3\xa9");
}

TEST(Output, NeitherDoesStoredJsonWhichStaysJson) {
  const Json json =
      Json::parse("{\"k\x7f\":[\"a\xc2\x9b\x31m\xc3\xa9\",1],\"e\":\"\\u001b\"}").value();
  EXPECT_EQ(
      pretty(json),
      "{\n  \"k\\u007f\": [\n    \"a\\u009b1m\xc3\xa9\",\n    1\n  ],\n  \"e\": \"\\u001b\"\n}");
}

TEST(Output, TablesAreAligned) {
  Table table({"A", "LONG"});
  table.add({"caf\xc3\xa9", "1"});
  table.add({"x", "22"});
  EXPECT_EQ(table.text(Colours::kOff), "A     LONG\ncaf\xc3\xa9  1\nx     22\n");
  EXPECT_EQ(table.text(Colours::kOn).substr(0, 4), "\x1b[1m");
}

TEST(Output, PrettyKeepsNumbersAndOrder) {
  const Json json = Json::parse(R"({"b":[1,{"x":0.10}],"a":{},"c":[]})").value();
  EXPECT_EQ(pretty(json),
            "{\n  \"b\": [\n    1,\n    {\n      \"x\": 0.10\n    }\n  ],\n  \"a\": {},\n"
            "  \"c\": []\n}");
}

TEST(Output, TimesAreUtc) {
  EXPECT_EQ(time_text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(time_text(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(time_text(-1), "1969-12-31T23:59:59.999Z");
}

class Names : public Vocabulary {
 public:
  std::vector<std::string> machines() override { return {"order", "orbit", "door"}; }
  std::vector<std::string> states() override { return {"new", "paid", "paid"}; }
  std::vector<std::string> events() override { return {"PAY"}; }
};

TEST(Completion, OffersWhatFitsThePlace) {
  Names names;
  const auto offered = [&](std::string_view line) { return complete(line, names).candidates; };
  using testing::ElementsAre;
  EXPECT_THAT(offered("pi"), ElementsAre("ping"));
  EXPECT_THAT(offered("help apply"), ElementsAre("apply-event"));
  EXPECT_THAT(offered("get-machine or"), ElementsAre("orbit", "order"));
  EXPECT_THAT(offered("count or"), ElementsAre("orbit", "order"));
  EXPECT_THAT(offered("history i --b"), ElementsAre("--before-offset"));
  EXPECT_THAT(offered("get-machine -n d"), ElementsAre("door"));
  EXPECT_THAT(offered("get-machine door o"), ElementsAre());
  EXPECT_THAT(offered("list-instances --state "), ElementsAre("new", "paid"));
  EXPECT_THAT(offered("list-instances --st"), ElementsAre("--state"));
  EXPECT_THAT(offered("apply-event -i x -e "), ElementsAre("PAY"));
  EXPECT_THAT(offered("apply-event -i "), ElementsAre());
  EXPECT_THAT(offered("graph order --format d"), ElementsAre("dot"));
  EXPECT_THAT(offered("nonsense o"), ElementsAre());
  EXPECT_THAT(offered("apply-event -p '{ "), ElementsAre());
  EXPECT_EQ(offered("").size(), command_table().size() + 2);
  EXPECT_EQ(common_prefix({"orbit", "order"}), "or");
  EXPECT_EQ(common_prefix({"Zo\xc3\xab", "Zo\xc3\xa8"}), "Zo") << "whole characters";
  EXPECT_EQ(common_prefix({}), "");
}

constexpr const char* kMachine = R"({"states":["new","to pay","end","done"],"initial":"new",
  "transitions":[
    {"from":["new","to pay"],"event":"PAY","to":"done","guard":"ctx.n > 1 && ctx.s == \"a:b\""},
    {"from":"new","event":"WAIT","to":"to pay"},
    {"from":"to pay","event":"STOP","to":"end"}]})";

TEST(Graph, Mermaid) {
  EXPECT_EQ(mermaid_text(Json::parse(kMachine).value()),
            "stateDiagram-v2\n"
            "    state \"to pay\" as s1\n"
            "    state \"end\" as s2\n"
            "    [*] --> new\n"
            "    new --> done : PAY [ctx.n > 1 && ctx.s == #34;a#58;b#34;]\n"
            "    s1 --> done : PAY [ctx.n > 1 && ctx.s == #34;a#58;b#34;]\n"
            "    new --> s1 : WAIT\n"
            "    s1 --> s2 : STOP\n"
            "    s2 --> [*]\n"
            "    done --> [*]\n");
}

TEST(Graph, AliasesAvoidNamesThatAreTaken) {
  const Json json =
      Json::parse(R"({"states":["a b","s1"],"initial":"s1","transitions":[]})").value();
  EXPECT_THAT(mermaid_text(json), testing::HasSubstr("state \"a b\" as s2\n"));
}

TEST(Graph, Dot) {
  EXPECT_EQ(dot_text("m\"x", Json::parse(kMachine).value()),
            "digraph \"m\\\"x\" {\n"
            "    rankdir=LR;\n"
            "    node [shape=box, style=rounded];\n"
            "    \"\" [shape=point];\n"
            "    \"new\";\n"
            "    \"to pay\";\n"
            "    \"end\" [peripheries=2];\n"
            "    \"done\" [peripheries=2];\n"
            "    \"\" -> \"new\";\n"
            "    \"new\" -> \"done\" [label=\"PAY [ctx.n > 1 && ctx.s == \\\"a:b\\\"]\"];\n"
            "    \"to pay\" -> \"done\" [label=\"PAY [ctx.n > 1 && ctx.s == \\\"a:b\\\"]\"];\n"
            "    \"new\" -> \"to pay\" [label=\"WAIT\"];\n"
            "    \"to pay\" -> \"end\" [label=\"STOP\"];\n"
            "}\n");
}

TEST(Validate, NamesThePlaceOfEveryError) {
  const auto place = [](const std::string& text) {
    const auto checked = validate_definition(text);
    const auto* const error = std::get_if<DefinitionError>(&checked);
    return error == nullptr ? "valid" : show_definition_error({"m.json", text}, *error);
  };
  EXPECT_EQ(place(kMachine), "valid");
  EXPECT_EQ(place("{\"states\": [\"a\"],\n \"initial\": \"b\",\n \"transitions\": []}"),
            "m.json:2:13\n  2 |  \"initial\": \"b\",\n    |             ^\n");
  EXPECT_EQ(place("{\"states\":[\"a\"],\"initial\":\"a\",\"transitions\":[\n"
                  "{\"from\":\"a\",\"event\":\"E\",\"to\":\"a\",\"guard\":\"ctx.x ==\"}]}"),
            "m.json:2:51\n"
            "  2 | {\"from\":\"a\",\"event\":\"E\",\"to\":\"a\",\"guard\":\"ctx.x ==\"}]}\n"
            "    |                                                   ^\n");
}

TEST(Results, FieldsAreAlignedAndScalarsReadable) {
  const Json json =
      Json::parse(R"({"id":"i","created_at":0,"deleted":true,"none":null,"list":["a","b"],)"
                  R"("ctx":{"a":1}})")
          .value();
  EXPECT_EQ(show_result("GET_INSTANCE", json, Colours::kOff),
            "id          i\n"
            "created_at  1970-01-01T00:00:00.000Z\n"
            "deleted     yes\n"
            "none        none\n"
            "list        a, b\n"
            "ctx\n{\n  \"a\": 1\n}\n");
}

}  // namespace
}  // namespace rstmdb::cli
