#include "peers/postgres.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace rstmdb::bench {
namespace {

constexpr size_t kContextBytes = 64;

std::string message(char letter, std::string_view content) {
  std::string text(1, letter);
  text.append(3, '\0').push_back(static_cast<char>(content.size() + 4));
  return text.append(content);
}

TEST(Postgres, BindsExecutesAndSyncs) {
  Postgres postgres(kContextBytes);
  std::string out;
  postgres.append(out, {.operation = Operation::kApplyEvent, .instance = 7, .number = 9});
  const std::string bind = std::string("\0apply\0\0\0\0\2\0\0\0\12i-00000007\0\0\0\15", 29) +
                           R"({"n":1000009})" + std::string("\0\0", 2);
  const std::string asked = message('B', bind) + message('E', std::string_view("\0\0\0\0\0", 5));
  EXPECT_EQ(out, asked);
  postgres.end_group(out);
  EXPECT_EQ(out, asked + message('S', ""));
}

TEST(Postgres, AnAnswerEndsWithReadyForQuery) {
  Postgres postgres(kContextBytes);
  const std::string row =
      message('2', "") + message('D', "Zrow") + message('C', std::string_view("SELECT 1\0", 9));
  const std::string whole = row + row + message('Z', "I");
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto part = postgres.read(std::string_view(whole).substr(0, size));
    ASSERT_TRUE(part.ok()) << size;
    EXPECT_EQ(part->size, 0u) << size;
  }
  const auto answer = postgres.read(whole + whole);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->size, whole.size());
  EXPECT_EQ(answer->count, 2u);
}

TEST(Postgres, NoRowAnErrorAndAPasswordAreNoSuccess) {
  Postgres postgres(kContextBytes);
  for (const std::string& bad :
       {message('C', std::string_view("SELECT 0\0", 9)),
        message('C', std::string_view("INSERT 0 0\0", 11)), message('E', "SERROR"),
        message('R', std::string_view("\0\0\0\5salt", 8))})
    EXPECT_FALSE(postgres.read(bad + message('Z', "I")).ok());
  const std::string made = message('C', std::string_view("INSERT 0 1\0", 11)) + message('Z', "I");
  EXPECT_TRUE(postgres.read(made).ok());
}

}  // namespace
}  // namespace rstmdb::bench
