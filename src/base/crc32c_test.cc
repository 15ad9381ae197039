#include "base/crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace rstmdb {
namespace {

std::string some_bytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t value = 7;
  for (char& byte : bytes) {
    value = value * 1664525u + 1013904223u;
    byte = static_cast<char>(value >> 24);
  }
  return bytes;
}

TEST(Crc32c, is_the_castagnoli_sum_and_can_be_continued) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c("56789", crc32c("1234")), 0xe3069283u);
}

TEST(Crc32c, each_wrong_byte_of_a_short_text_is_found) {
  const std::string right = some_bytes(60);
  const uint32_t stored = crc32c(right);
  for (size_t at = 0; at < right.size(); ++at) {
    for (int change = 1; change < 256; ++change) {
      std::string wrong = right;
      wrong[at] = static_cast<char>(wrong[at] ^ change);
      ASSERT_EQ(find_wrong_byte(wrong.size(), crc32c(wrong), stored), at) << change;
    }
  }
}

TEST(Crc32c, a_wrong_byte_of_the_checksum_itself_is_found) {
  const std::string right = some_bytes(1000);
  for (size_t k = 0; k < 4; ++k) {
    const uint32_t stored = crc32c(right) ^ (0x5au << (8 * k));
    EXPECT_EQ(find_wrong_byte(right.size(), crc32c(right), stored), right.size() + k);
  }
}

TEST(Crc32c, a_wrong_byte_of_64_kib_is_found_but_for_few_that_stay_open) {
  const std::string right = some_bytes(64 * 1024);
  const uint32_t stored = crc32c(right);
  size_t tried = 0;
  size_t open = 0;
  for (size_t at = 0; at < right.size(); at += 97, ++tried) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ static_cast<char>(1 + at % 255));
    const auto found = find_wrong_byte(wrong.size(), crc32c(wrong), stored);
    if (!found) ++open;
    if (found) {
      ASSERT_EQ(*found, at);
    }
  }
  EXPECT_LT(open * 50, tried);
}

TEST(Crc32c, two_wrong_bytes_are_not_taken_for_one) {
  const std::string right = some_bytes(4096);
  size_t named = 0;
  for (size_t at = 0; at + 600 < right.size(); at += 13) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x21);
    wrong[at + 500] = static_cast<char>(wrong[at + 500] ^ 0x42);
    if (find_wrong_byte(wrong.size(), crc32c(wrong), crc32c(right))) ++named;
  }
  EXPECT_LE(named, 3u);
  EXPECT_EQ(find_wrong_byte(right.size(), crc32c(right), crc32c(right)), std::nullopt);
}

}  // namespace
}  // namespace rstmdb
