// An export holds the whole state; an import gives the same one, or names the line that is in the
// way and leaves nothing behind.
#include "admin/export.h"

#include <gtest/gtest.h>

#include <cctype>

#include "admin/admin_test_support.h"
#include "base/limits.h"
#include "json/document.h"

namespace rstmdb::admin {
namespace {

using io::SimulatedFileSystem;

const std::string kImported = "/place/imported";

Result<std::string> export_text(io::FileSystem& files, const std::string& folder) {
  QuietProgress quiet;
  std::string lines;
  RSTMDB_TRY(export_lines(
      {.files = files, .data_folder = folder, .version = "1.2.3", .progress = quiet.progress},
      [&](std::string_view bytes) {
        lines.append(bytes);
        return Result<void>();
      }));
  return lines;
}

/// Gives `piece` bytes at a time.
LineSource source_of(const std::string& lines, size_t piece = 1000) {
  return [&lines, piece, at = size_t{0}](std::span<char> into) mutable -> Result<size_t> {
    const size_t part = std::min({into.size(), piece, lines.size() - at});
    std::copy_n(lines.data() + at, part, into.data());
    at += part;
    return part;
  };
}

struct Target {
  Target() {
    EXPECT_TRUE(files.make_folder("/place").ok());
    EXPECT_TRUE(files.sync_folder("/").ok());
  }
  Result<StateReport> import_text(const std::string& lines, size_t piece = 1000) {
    return import_lines({.files = files,
                         .clock = quiet.clock,
                         .random = random,
                         .data_folder = kImported,
                         .progress = quiet.progress},
                        source_of(lines, piece));
  }
  SimulatedFileSystem files;
  log::CountingRandom random{77};
  QuietProgress quiet;
};

std::string without_first_line(const std::string& lines) {
  return lines.substr(lines.find('\n') + 1);
}

TEST(Export, and_import_give_the_same_state) {
  uint64_t keys = 0;
  uint64_t tombstones = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SampleFolder sample(seed, {30}, LogEnding::kKilled);
    const auto lines = export_text(sample.files, kTestData);
    ASSERT_TRUE(lines.ok()) << lines.error().to_string();
    Target target;
    const auto imported = target.import_text(*lines, 1 + seed % 7 * 100);
    ASSERT_TRUE(imported.ok()) << seed << " " << imported.error().to_string();
    EXPECT_EQ(imported->counts.hash, sample.history.state().hash());
    EXPECT_NE(imported->database, sample.database);
    keys += imported->counts.keys;
    tombstones += imported->counts.tombstones;
    const auto again = export_text(target.files, kImported);
    ASSERT_TRUE(again.ok()) << again.error().to_string();
    EXPECT_EQ(without_first_line(*again), without_first_line(*lines));
    const auto checked = check({.files = target.files,
                                .folder = kImported,
                                .at = std::nullopt,
                                .progress = target.quiet.progress});
    ASSERT_TRUE(checked.ok()) << checked.error().to_string();
    EXPECT_TRUE(checked->good()) << to_text(*checked);
    EXPECT_EQ(checked->state->hash, imported->counts.hash);
    // The log goes on behind the state.
    target.files.kill();
    log::LogBench bench(target.files, kImported + "/wal");
    const auto log = bench.open_well();
    ASSERT_NE(log, nullptr);
    EXPECT_EQ(log->next_offset(), sample.history.records() + 1);
    EXPECT_EQ(log->database(), imported->database);
  }
  EXPECT_GT(keys, 30u);
  EXPECT_GT(tombstones, 20u);
}

TEST(Export, each_line_is_an_object_and_numbers_keep_their_text) {
  std::string all;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SampleFolder each(seed, {}, LogEnding::kKilled, 1 << 20);
    all += export_text(each.files, kTestData).value();
  }
  for (const char* number : {":123456789012345678901234567890", ",2.50]"})
    EXPECT_NE(all.find(number), std::string::npos) << number;
  SampleFolder sample(12);
  const std::string lines = export_text(sample.files, kTestData).value();
  size_t count = 0;
  for (size_t at = 0; at < lines.size(); ++count) {
    const size_t end = lines.find('\n', at);
    ASSERT_NE(end, std::string::npos);
    json::Document document;
    ASSERT_TRUE(document.parse(std::string_view(lines).substr(at, end - at)).ok());
    ASSERT_TRUE(document.root().is_object());
    at = end + 1;
  }
  const engine::State& state = sample.history.state();
  EXPECT_EQ(count, 2 + state.machines().definition_count() + state.instances().size() +
                       state.keys().count());
}

TEST(Export, of_an_empty_database_can_be_imported) {
  SimulatedFileSystem files;
  {
    log::LogBench bench(files, kTestData + "/wal");
    ASSERT_NE(bench.open_well(), nullptr);
  }
  const auto lines = export_text(files, kTestData);
  ASSERT_TRUE(lines.ok());
  Target target;
  const auto imported = target.import_text(*lines);
  ASSERT_TRUE(imported.ok()) << imported.error().to_string();
  EXPECT_NE(lines->find(imported->counts.hash.hex()), std::string::npos);
  target.files.kill();
  log::LogBench bench(target.files, kImported + "/wal");
  EXPECT_EQ(bench.open_well()->next_offset(), 1u);
}

TEST(Import, takes_lines_that_a_person_writes) {
  Target target;
  const auto good = target.import_text(
      "{\"machine\": \"order\", \"definition\": {\"states\": [\"new\", \"paid\"], \"initial\": "
      "\"new\", \"transitions\": [{\"from\": \"new\", \"event\": \"PAY\", \"to\": \"paid\"}]}}\r\n"
      "\n"
      "{\"instance\": \"o-1\", \"machine\": \"order\"}\n"
      "{\"instance\": \"o-2\", \"machine\": \"order\", \"version\": 1, \"state\": \"paid\","
      " \"ctx\": {\"total\": 25.00}}");
  ASSERT_TRUE(good.ok()) << good.error().to_string();
  EXPECT_EQ(good->counts.offset, 3u);
  EXPECT_EQ(good->counts.instances, 2u);
  EXPECT_EQ(good->counts.last_ts, target.quiet.clock.wall_ms());
  const std::string lines = export_text(target.files, kImported).value();
  EXPECT_NE(lines.find(R"({"instance":"o-1","machine":"order","version":1,"state":"new","ctx":{},)"
                       R"("created_at":1795000000000,"updated_at":1795000000000,"offset":2})"),
            std::string::npos)
      << lines;
  EXPECT_NE(lines.find(R"("state":"paid","ctx":{"total":25.00},)"), std::string::npos) << lines;
}

const std::string kMachine =
    R"({"machine":"m","version":2,"definition":{"initial":"a","states":["a","b"],)"
    R"("transitions":[{"event":"E","from":["a"],"to":"b"}]}})";
const std::string kHeader =
    R"({"rstmdb_export":1,"offset":5,"ts":1000,"chain":"00000000000000ff"})";
const std::string kKey =
    R"({"key":"k","operation":"apply_event","subject":"i","fingerprint":)"
    R"("000102030405060708090a0b0c0d0e0f","expires_at":7,"offset":4,"machine":"m","from":"a",)"
    R"("to":"b","instance":"i"})";

struct BadLines {
  std::string lines;
  int64_t line;
  std::string_view at;  // the column is where this stands in the line; "" for 1
  std::string_view reason;
};

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::vector<BadLines> bad_lines() {
  const std::string machine = kMachine + "\n";
  const std::string header = kHeader + "\n";
  return {
      {"{\"machine\":\"m\",}\n", 1, "}", ""},
      {machine + "[1]\n", 2, "", "a line is a JSON object"},
      {machine + "{\"a\":1}\n", 2, "", "a line has one of these"},
      {machine + machine, 2, "\"version\"", "was there before"},
      {replaced(kMachine, "\"m\"", "\"\""), 1, "\"machine\"", "the name is empty"},
      {replaced(kMachine, "\"m\"", "7"), 1, "\"machine\"", "here belongs a string"},
      {replaced(kMachine, ":2", ":0"), 1, "\"version\"", "a version is"},
      {replaced(kMachine, ":2", ":2.0"), 1, "\"version\"", "a whole number"},
      {replaced(kMachine, ":2", ":9007199254740992"), 1, "\"version\"", "a whole number"},
      {replaced(kMachine, "\"to\":\"b\"", "\"to\":\"c\""), 1, "\"definition\"", "transitions[0]"},
      {replaced(kMachine, "\"version\"", "\"versoin\""), 1, "\"versoin\"", "such a line has no"},
      {machine + R"({"instance":"i"})", 2, "", "\"machine\" is missing"},
      {machine + R"({"instance":"i","machine":"n"})", 2, "\"machine\"", "no line before"},
      {machine + R"({"instance":"i","machine":"m","version":1})", 2, "\"version\"",
       "no line before"},
      {machine + R"({"instance":"i","machine":"m","state":"c"})", 2, "\"state\"", "no such state"},
      {machine + R"({"instance":"i","machine":"m","ctx":[]})", 2, "\"ctx\"", "is an object"},
      {machine + R"({"instance":"i","machine":"m","deleted":true,"ctx":{}})", 2, "\"ctx\"",
       "no context"},
      {machine + R"({"instance":"i","machine":"m","deleted":1})", 2, "\"deleted\"",
       "true or false"},
      {machine + R"({"instance":"i","machine":"m","offset":1})", 2, "\"offset\"", "without a line"},
      {machine + R"({"instance":"i","machine":"m","created_at":5,"updated_at":4})", 2,
       "\"updated_at\"", "before the instance was created"},
      {machine + R"({"instance":"i","machine":"m","created_at":1795000000001})", 2,
       "\"created_at\"", "lies in the future"},
      {machine + "{\"instance\":\"i\",\"machine\":\"m\"}\n{\"instance\":\"i\",\"machine\":\"m\"}",
       3, "\"instance\"", "a line before has this instance"},
      {machine + kKey, 2, "\"key\"", "without a line"},
      {machine + header, 2, "\"rstmdb_export\"", "only the first line"},
      {replaced(kHeader, ":1,", ":2,"), 1, "\"rstmdb_export\"", "format 1"},
      {replaced(kHeader, "\"offset\":5", "\"offset\":0"), 1, "\"ts\"", "without a record"},
      {replaced(replaced(kHeader, "\"offset\":5", "\"offset\":0"), ":1000", ":0") + "\n" + machine,
       2, "\"machine\"", "nothing has happened yet"},
      {replaced(kHeader, "00ff", "00f"), 1, "\"chain\"", "16 hex digits"},
      {header + machine + R"({"instance":"i","machine":"m","offset":6})", 3, "\"offset\"",
       "the last offset is 5"},
      {header + machine + R"({"instance":"i","machine":"m","created_at":1001})", 3,
       "\"created_at\"", "later than the first line"},
      {header + machine + replaced(kKey, "apply_event", "flush_all"), 3, "\"operation\"",
       "keys belong to"},
      {header + machine + replaced(kKey, "0f\"", "0g\""), 3, "\"fingerprint\"", "32 hex digits"},
      {header + machine + R"({"end":true,"versions":2})", 3, "\"versions\"", "there were 1"},
      {header + machine + R"({"end":true,"state_hash":"000102030405060708090a0b0c0d0e0f"})", 3,
       "\"state_hash\"", "another state"},
      {header + machine + "{\"end\":true}\n" + machine, 4, "", "behind the last one"},
  };
}

TEST(Import, names_line_and_column_of_what_is_wrong_and_leaves_nothing) {
  Target target;
  const auto paths = target.files.paths();
  for (const BadLines& bad : bad_lines()) {
    const auto imported = target.import_text(bad.lines);
    ASSERT_FALSE(imported.ok()) << bad.lines;
    const Error& error = imported.error();
    EXPECT_EQ(error.code(), Code::kBadRequest);
    EXPECT_EQ(error.detail_number("line", -1), bad.line) << bad.lines << error.to_string();
    std::string line = bad.lines;
    for (int64_t i = 1; i < bad.line; ++i) line = without_first_line(line);
    const auto column = bad.at.empty() ? 1 : static_cast<int64_t>(line.find(bad.at)) + 1;
    EXPECT_EQ(error.detail_number("column", -1), column) << bad.lines << error.to_string();
    EXPECT_NE(error.detail("reason").find(bad.reason), std::string_view::npos) << error.to_string();
    EXPECT_EQ(target.files.paths(), paths);
    EXPECT_FALSE(target.files.exists(kImported + ".new").value());
  }
}

TEST(Import, of_nothing_or_of_a_part_is_refused) {
  Target target;
  EXPECT_FALSE(target.import_text("").ok());
  EXPECT_FALSE(target.import_text("\n \n").ok());
  EXPECT_FALSE(target.import_text(kHeader + "\n" + kMachine + "\n").ok());
  SampleFolder sample(12);
  const std::string lines = export_text(sample.files, kTestData).value();
  for (size_t end = lines.rfind('\n', lines.size() - 2); end != std::string::npos;
       end = end == 0 ? std::string::npos : lines.rfind('\n', end - 1))
    EXPECT_FALSE(target.import_text(lines.substr(0, end + 1)).ok());
  EXPECT_TRUE(target.import_text(lines).ok());
  EXPECT_EQ(target.import_text(lines).error().code(), Code::kConflict);
}

TEST(Import, each_changed_byte_of_a_value_changes_the_outcome) {
  SampleFolder sample(56, {}, LogEnding::kKilled, 1 << 20, 60);
  const std::string lines = export_text(sample.files, kTestData).value();
  Target target;
  const std::string first = lines.substr(0, lines.find('\n'));
  size_t refused = 0;
  for (size_t at = first.size(); at < lines.size(); at += 3) {
    if (!std::isalnum(static_cast<unsigned char>(lines[at]))) continue;
    std::string changed = lines;
    changed[at] = changed[at] == '7' ? '8' : '7';
    const auto imported = target.import_text(changed);
    EXPECT_FALSE(imported.ok()) << changed.substr(at - 20, 40);
    ++refused;
  }
  EXPECT_GT(refused, 100u);
}

TEST(Import, a_line_has_a_bound) {
  Target target;
  const std::string machine = kMachine + "\n";
  const auto padded = [&](size_t size) {
    std::string line = R"({"instance":"i","machine":"m"})";
    line.insert(line.size() - 1, size - line.size(), ' ');
    return machine + line + "\n";
  };
  const auto longer = target.import_text(padded(limits::kImportLineBytesMax + 1), 1 << 20);
  ASSERT_FALSE(longer.ok());
  EXPECT_EQ(longer.error().detail_number("limit", 0),
            static_cast<int64_t>(limits::kImportLineBytesMax));
  EXPECT_EQ(longer.error().detail_number("line", 0), 2);
  EXPECT_TRUE(target.import_text(padded(limits::kImportLineBytesMax), 1 << 20).ok());
}

TEST(Import, the_largest_and_deepest_context_comes_through) {
  Target target;
  std::string deep;
  for (size_t i = 0; i + 1 < limits::kJsonDepthMax; ++i) deep += "[";
  for (size_t i = 0; i + 1 < limits::kJsonDepthMax; ++i) deep += "]";
  std::string large = "{\"s\":\"" + std::string(limits::kContextBytesMax - 8, 'x') + "\"}";
  ASSERT_EQ(large.size(), limits::kContextBytesMax);
  const auto line = [](const std::string& id, const std::string& context) {
    return R"({"instance":")" + id + R"(","machine":"m","ctx":)" + context + "}\n";
  };
  const auto imported = target.import_text(
      kMachine + "\n" + line("deep", "{\"d\":" + deep + "}") + line("large", large), 1 << 20);
  ASSERT_TRUE(imported.ok()) << imported.error().to_string();
  large.insert(6, "x");
  Target other;
  const auto refused = other.import_text(kMachine + "\n" + line("large", large), 1 << 20);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().detail_number("line", 0), 2);
}

TEST(Import, the_last_offset_leaves_one_for_the_record_to_come) {
  const auto lines = [](log::Offset offset) {
    return R"({"rstmdb_export":1,"offset":)" + std::to_string(offset) +
           R"(,"ts":1,"chain":"0000000000000001"})" + "\n" + kMachine + "\n" + R"({"end":true})";
  };
  EXPECT_FALSE(Target().import_text(lines(limits::kOffsetMax)).ok());
  Target target;
  ASSERT_TRUE(target.import_text(lines(limits::kOffsetMax - 1)).ok());
  log::LogBench bench(target.files, kImported + "/wal");
  const auto log = bench.open_well();
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->next_offset(), limits::kOffsetMax);
}

/// More members than one request can bring, with the shortest names that are enough.
std::string widest_context() {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string context = "{";
  for (size_t i = 0; i < limits::kJsonMembersMax + 1; ++i) {
    if (i != 0) context += ',';
    context += '"';
    for (size_t rest = i, k = 0; k < 3; ++k, rest /= kLetters.size())
      context += kLetters[rest % kLetters.size()];
    context += "\":1";
  }
  return context + "}";
}

TEST(Import, a_context_of_many_members_comes_through) {
  const std::string context = widest_context();
  ASSERT_LE(context.size(), limits::kContextBytesMax);
  Target target;
  const auto imported = target.import_text(
      kMachine + "\n" + R"({"instance":"i","machine":"m","ctx":)" + context + "}", 1 << 20);
  ASSERT_TRUE(imported.ok()) << imported.error().to_string();
  const auto lines = export_text(target.files, kImported);
  ASSERT_TRUE(lines.ok());
  EXPECT_NE(lines->find(context), std::string::npos);
}

TEST(Import, a_definition_of_more_members_than_a_request_brings_is_refused_by_its_line) {
  std::string line = kMachine;
  ASSERT_TRUE(line.ends_with("}}"));
  line.insert(line.size() - 2, ",\"meta\":" + widest_context());
  const auto imported = Target().import_text(line, 1 << 20);
  ASSERT_FALSE(imported.ok());
  EXPECT_EQ(imported.error().detail_number("line", 0), 1);
}

TEST(Import, a_deeper_context_than_any_request_brings_is_refused) {
  const auto nested = [](size_t depth) {
    std::string context;
    for (size_t i = 0; i < depth; ++i) context += R"({"a":)";
    return context + "1" + std::string(depth, '}');
  };
  const auto lines = [&](size_t depth) {
    return kMachine + "\n" + R"({"instance":"i","machine":"m","ctx":)" + nested(depth) + "}";
  };
  EXPECT_FALSE(Target().import_text(lines(limits::kJsonDepthMax + 1)).ok());
  EXPECT_TRUE(Target().import_text(lines(limits::kJsonDepthMax)).ok());
}

TEST(Import, a_failure_of_any_call_leaves_nothing_half_done) {
  Target target;
  const auto paths = target.files.paths();
  using Fault = SimulatedFileSystem::Fault;
  int nth = 1;
  for (;; ++nth) {
    target.files.inject(Fault{.call = SimulatedFileSystem::Call::kAny,
                              .nth = static_cast<uint64_t>(nth),
                              .error_number = 5,
                              .repeat = Fault::Repeat::kOnce,
                              .effect = Fault::Effect::kNothing});
    const auto imported = target.import_text(kMachine);
    target.files.clear_faults();
    if (imported.ok() || target.files.exists(kImported).value()) break;
    EXPECT_EQ(target.files.paths(), paths) << nth;
    EXPECT_FALSE(target.files.exists(kImported + ".new").value()) << nth;
  }
  EXPECT_GT(nth, 15);
}

}  // namespace
}  // namespace rstmdb::admin
