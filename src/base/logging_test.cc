#include "base/logging.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

#include "base/limits.h"

namespace rstmdb {
namespace {

constexpr int64_t kTime = 1'769'860'800'123;  // 2026-01-31T12:00:00.123Z

std::string json(std::string_view message, std::initializer_list<Field> fields = {}) {
  return format_log_line(LogFormat::kJson, kTime, Level::kInfo, message, fields);
}

std::string pretty(std::string_view message, std::initializer_list<Field> fields = {}) {
  return format_log_line(LogFormat::kPretty, kTime, Level::kWarn, message, fields);
}

TEST(Logging, WritesJson) {
  EXPECT_EQ(json("listening", {{"address", "127.0.0.1:7401"},
                               {"port", 7401},
                               {"big", uint64_t{18446744073709551615u}},
                               {"low", int64_t{-5}},
                               {"ratio", 0.5},
                               {"none", std::nan("")},
                               {"tls", false}}),
            R"({"ts":"2026-01-31T12:00:00.123Z","level":"info","msg":"listening",)"
            R"("address":"127.0.0.1:7401","port":7401,"big":18446744073709551615,"low":-5,)"
            R"("ratio":0.5,"none":null,"tls":false})");
}

TEST(Logging, WritesPretty) {
  EXPECT_EQ(pretty("slow disk", {{"ms", 12}, {"path", "a b"}, {"name", "x"}, {"empty", ""}}),
            R"(2026-01-31 12:00:00.123 warn  slow disk ms=12 path="a b" name=x empty="")");
}

TEST(Logging, EscapesWhatWouldForgeALineOrMoveTheCursor) {
  const std::string hostile = "a\nb\r\x1b[2J\"\\\x7f\xc2\x9b\xe2\x80\xae\xff\xc0\x80";
  const std::string escaped = R"(a\nb\u000d\u001b[2J\"\\\u007f\u009b\u202e\ufffd\ufffd\ufffd)";
  EXPECT_EQ(json("m", {{"v", hostile}}),
            R"({"ts":"2026-01-31T12:00:00.123Z","level":"info","msg":"m","v":")" + escaped + "\"}");
  EXPECT_TRUE(pretty("m", {{"v", hostile}}).ends_with(" m v=\"" + escaped + "\""));
  EXPECT_EQ(pretty("x\ny").find('\n'), std::string::npos);
}

TEST(Logging, KeepsTextOfAllScripts) {
  for (const char* text : {"Zoë", "名前", "\xf0\x9f\x98\x80"})
    EXPECT_NE(json("m", {{"v", text}}).find(text), std::string::npos);
}

TEST(Logging, CutsLongValuesAtTheLimitAndSaysSo) {
  const size_t most = limits::kLogValueBytesMax;
  EXPECT_EQ(json("m", {{"v", std::string(most, 'x')}}).find("bytes)"), std::string::npos);
  const std::string line = json("m", {{"v", std::string(most + 1, 'x')}});
  EXPECT_NE(line.find("…(" + std::to_string(most + 1) + " bytes)\"}"), std::string::npos);
  // A character that the limit falls into is left out whole.
  const std::string cut = json("m", {{"v", std::string(most - 1, 'x') + "é"}});
  EXPECT_NE(cut.find("x…("), std::string::npos);
}

/// Whether `line` is one JSON object of flat members in valid UTF-8: what a log shipper needs.
bool is_flat_json_object(std::string_view line) {
  if (!line.starts_with('{') || !line.ends_with('}')) return false;
  bool in_string = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const auto c = static_cast<unsigned char>(line[i]);
    if (c < 0x20 || c == 0xff || c == 0xfe) return false;
    if (!in_string) {
      in_string = c == '"';
      continue;
    }
    if (c == '"') in_string = false;
    if (c != '\\') continue;
    const char next = i + 1 < line.size() ? line[++i] : '\0';
    if (next == 'u') {
      for (int digit = 0; digit < 4; ++digit)
        if (++i >= line.size() || !std::isxdigit(static_cast<unsigned char>(line[i]))) return false;
    } else if (next != 'n' && next != '"' && next != '\\') {
      return false;
    }
  }
  return !in_string;
}

RC_GTEST_PROP(Logging, IsJsonWhateverTheBytes, (const std::string& a, const std::string& b)) {
  RC_ASSERT(is_flat_json_object(json(a, {{b, a}, {"n", 1}})));
  RC_ASSERT(pretty(a, {{"v", b}}).find('\n') == std::string::npos);
}

TEST(Logging, NamesLevelsAndFindsThem) {
  for (const Level level :
       {Level::kTrace, Level::kDebug, Level::kInfo, Level::kWarn, Level::kError})
    EXPECT_EQ(level_of(level_name(level)), level);
  for (const char* name : {"", "INFO", "warning", "off"}) EXPECT_FALSE(level_of(name).has_value());
}

/// What is written to standard error meanwhile.
template <class Do>
std::string captured(Do&& action) {
  testing::internal::CaptureStderr();
  action();
  return testing::internal::GetCapturedStderr();
}

TEST(Logging, WritesLinesAtAndAboveTheLowestLevelOnly) {
  set_logging(Level::kWarn, LogFormat::kJson);
  EXPECT_FALSE(logs(Level::kInfo));
  EXPECT_TRUE(logs(Level::kWarn));
  EXPECT_EQ(captured([] { log_line(Level::kInfo, "quiet"); }), "");
  const std::string line = captured([] { log_line(Level::kError, "loud", {{"n", 1}}); });
  EXPECT_TRUE(line.starts_with("{\"ts\":\"2")) << line;
  EXPECT_TRUE(line.ends_with("Z\",\"level\":\"error\",\"msg\":\"loud\",\"n\":1}\n")) << line;
  set_logging(Level::kInfo, LogFormat::kAuto);
}

TEST(Logging, AFormatCanBeSetAndBracesMeanNothing) {
  set_logging(Level::kTrace, LogFormat::kPretty);
  const std::string line = captured([] { log_line(Level::kTrace, "{} %s", {{"v", "{0}"}}); });
  EXPECT_TRUE(line.ends_with("trace {} %s v={0}\n")) << line;
  set_logging(Level::kInfo, LogFormat::kAuto);
}

}  // namespace
}  // namespace rstmdb
