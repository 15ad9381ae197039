#include "base/sha256.h"

#include <gtest/gtest.h>

#include "base/hash.h"

namespace rstmdb {
namespace {

TEST(Sha256Sum, is_that_of_the_standard) {
  Sha256Sum sum;
  sum.update("abc");
  EXPECT_EQ(hex(sum.finish()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256Sum nothing;
  EXPECT_EQ(hex(nothing.finish()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256Sum, does_not_depend_on_the_pieces) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text.push_back(static_cast<char>(i * 7));
  for (size_t piece = 1; piece < text.size(); piece += 13) {
    Sha256Sum sum;
    for (size_t at = 0; at < text.size(); at += piece)
      sum.update(std::string_view(text).substr(at, piece));
    EXPECT_EQ(hex(sum.finish()), sha256_hex(text));
  }
}

}  // namespace
}  // namespace rstmdb
