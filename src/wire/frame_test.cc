#include "wire/frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <ctime>

namespace rstmdb::wire {
namespace {

constexpr size_t kMax = 1024;

std::string framed(Dialect dialect, std::string_view payload) {
  std::string out;
  const size_t start = begin_frame(out, dialect);
  out += payload;
  end_frame(out, dialect, start);
  return out;
}

TEST(Frame, RcpxLayoutIsThePublishedOne) {
  const std::string bytes = framed(Dialect::kRcpx, "123456789");
  EXPECT_EQ(bytes.substr(0, 4), "RCPX");
  EXPECT_EQ(bytes.substr(4, 14), std::string("\0\1\0\1\0\0\0\0\0\x09\xe3\x06\x92\x83", 14));
  EXPECT_EQ(bytes.substr(18), "123456789");
}

TEST(Frame, Rcp1LayoutIsThePublishedOne) {
  const std::string bytes = framed(Dialect::kRcp1, "123456789");
  EXPECT_EQ(bytes, std::string("RCP1\0\1\0\0\0\0\0\x09\xe3\x06\x92\x83", 16) + "123456789");
}

class EveryDialect : public testing::TestWithParam<Dialect> {};
INSTANTIATE_TEST_SUITE_P(Frame, EveryDialect,
                         testing::Values(Dialect::kRcpx, Dialect::kRcp1, Dialect::kJsonl));

TEST_P(EveryDialect, ReadsBackWhatWasFramedAndNeedsEveryByte) {
  const std::string payload = R"({"type":"request","id":"1","op":"PING"})";
  const std::string two = framed(GetParam(), payload) + framed(GetParam(), payload);
  for (size_t cut = 0; cut <= two.size(); ++cut) {
    FrameReader reader(kMax);
    std::string_view input = std::string_view(two).substr(0, cut);
    size_t frames = 0;
    while (true) {
      const auto frame = reader.next(input);
      ASSERT_TRUE(frame.ok()) << frame.error().to_string();
      if (!*frame) break;
      EXPECT_EQ((*frame)->payload, payload);
      input.remove_prefix((*frame)->size);
      ++frames;
    }
    EXPECT_EQ(frames, cut / (two.size() / 2)) << "cut at " << cut;
  }
}

TEST(Frame, AWholeFrameIsMeasuredExactlyWhereTheNextOneIsRead) {
  for (const Dialect dialect : {Dialect::kRcpx, Dialect::kRcp1}) {
    std::string frame = framed(dialect, "payload");
    const std::string two = frame + frame;
    const FrameReader reader(dialect, 7);
    for (size_t size = 0; size <= two.size(); ++size) {
      FrameReader next(dialect, 7);
      const auto read = next.next(std::string_view(two).substr(0, size));
      EXPECT_EQ(reader.whole_frame_size(std::string_view(two).substr(0, size)),
                *read ? (*read)->size : 0);
    }
    EXPECT_EQ(FrameReader(dialect, 6).whole_frame_size(two), 0u) << "longer than may be";
    for (size_t at = 0; at < header_size(dialect); ++at) {
      std::string changed = frame;
      changed[at] ^= 0x40;
      FrameReader next(dialect, 7);
      const auto read = next.next(changed);
      const size_t whole = reader.whole_frame_size(changed);
      EXPECT_TRUE(whole == 0 || (read.ok() ? *read && (*read)->size == whole
                                           : read.error().detail("field") == "crc32c"))
          << "byte " << at;
    }
  }
}

TEST_P(EveryDialect, PayloadAtTheLimitPassesAndOneMoreIsRefused) {
  const std::string at_limit = "{" + std::string(kMax - 2, ' ') + "}";
  FrameReader reader(kMax);
  const std::string fits = framed(GetParam(), at_limit);
  auto frame = reader.next(fits);
  ASSERT_TRUE(frame.ok() && *frame);
  EXPECT_EQ((*frame)->payload.size(), kMax);

  FrameReader other(kMax);
  const std::string over = framed(GetParam(), at_limit + " ");
  frame = other.next(over);
  ASSERT_FALSE(frame.ok());
  EXPECT_EQ(frame.error().code(), Code::kBadRequest);
}

TEST(Frame, AnnouncedLengthIsRefusedBeforeItsBytesArrive) {
  const std::string header("RCP1\0\0\0\0\xff\xff\xff\xff\0\0\0\0", 16);
  FrameReader reader(kMax);
  const auto frame = reader.next(header);
  ASSERT_FALSE(frame.ok());
  EXPECT_EQ(frame.error().detail_number("value", 0), 0xffffffff);
}

TEST(Frame, ExtensionIsSkippedInFull) {
  std::string bytes("RCPX\0\1\0\0\xff\xff\0\0\0\2\0\0\0\0", 18);
  bytes += std::string(65535, 'x') + "{}";
  FrameReader reader(kMax);
  const auto frame = reader.next(bytes);
  ASSERT_TRUE(frame.ok() && *frame);
  EXPECT_EQ((*frame)->payload, "{}");
  EXPECT_EQ((*frame)->size, bytes.size());
}

TEST(Frame, EveryUnknownFlagIsRefused) {
  for (int bit = 0; bit < 16; ++bit) {
    std::string bytes = framed(Dialect::kRcpx, "{}");
    const unsigned flags = 1u << bit;
    bytes[6] = static_cast<char>(flags >> 8);
    bytes[7] = static_cast<char>(flags);
    FrameReader reader(kMax);
    const auto frame = reader.next(bytes);
    const bool known = flags == kFlagCrcPresent || flags == kFlagStream || flags == kFlagEndStream;
    EXPECT_EQ(frame.ok(), known) << "bit " << bit;
    if (!known) {
      EXPECT_EQ(frame.error().detail("field"), "flags");
    }
  }
}

TEST(Frame, CrcIsCheckedOnlyWhereAnnounced) {
  std::string bytes = framed(Dialect::kRcp1, "{}");
  bytes.back() = ' ';
  FrameReader checked(kMax);
  auto frame = checked.next(bytes);
  ASSERT_FALSE(frame.ok());
  EXPECT_EQ(frame.error().detail("field"), "crc32c");
  bytes[5] = 0;
  FrameReader unchecked(kMax);
  EXPECT_TRUE(unchecked.next(bytes).ok());
}

TEST(Frame, OtherProtocolsAreRefusedByTheirFirstBytes) {
  for (const std::string_view bytes : {"GET / HTTP/1.1\r\n", "\x16\x03\x01", "RCPZ", "RCPX\1",
                                       "[1]", "\"", "rcpx", "PRI * HTTP/2"}) {
    FrameReader reader(kMax);
    const bool version = bytes == "RCPX\1";
    std::string input(bytes);
    if (version) input += std::string(13, '\0');
    const auto frame = reader.next(input);
    ASSERT_FALSE(frame.ok()) << bytes;
    EXPECT_EQ(frame.error().code(), Code::kUnsupportedProtocol) << bytes;
  }
}

TEST(Frame, MagicIsCheckedOnEveryFrame) {
  FrameReader reader(kMax);
  const std::string first = framed(Dialect::kRcpx, "{}");
  ASSERT_TRUE(reader.next(first).ok());
  EXPECT_FALSE(reader.next(framed(Dialect::kRcp1, "{}")).ok());
}

TEST(Frame, BlankLinesAreNoMessages) {
  FrameReader reader(kMax);
  const std::string input = "\n \r\n{\"a\":1}\r\n";
  const auto frame = reader.next(input);
  ASSERT_TRUE(frame.ok() && *frame);
  EXPECT_EQ((*frame)->payload, "{\"a\":1}\r");
  EXPECT_EQ((*frame)->size, input.size());
  const auto blank = reader.next("\r\n\r\n");
  ASSERT_TRUE(blank.ok() && *blank);
  EXPECT_TRUE((*blank)->payload.empty());
  EXPECT_EQ((*blank)->size, 4u);
}

TEST(Frame, UntilTheFirstBytesTellThereIsNoFrame) {
  for (const std::string_view bytes : {"", "R", "RC", "RCP", " ", "\t", "\r", "\n", " \t\r\n"}) {
    FrameReader reader(kMax);
    const auto frame = reader.next(bytes);
    ASSERT_TRUE(frame.ok()) << bytes;
    EXPECT_FALSE(frame->has_value()) << bytes;
  }
  for (const char space : {' ', '\t', '\r', '\n'}) {
    FrameReader reader(kMax);
    EXPECT_TRUE(reader.next(std::string(kMax, space)).ok());
    const auto endless = reader.next(std::string(kMax + 1, space));
    ASSERT_FALSE(endless.ok()) << "spaces without end";
    EXPECT_EQ(endless.error().detail_number("limit", 0), static_cast<int64_t>(kMax));
    FrameReader after(kMax);
    EXPECT_TRUE(after.next(std::string(1, space) + "{}\n").ok());
    FrameReader other(kMax);
    EXPECT_FALSE(other.next(std::string(1, space) + "RCPX").ok()) << "space before a magic";
  }
}

TEST(Frame, LinesOfWhiteSpaceAloneAreOneEmptyFrameAndThoseBeforeARequestPartOfIt) {
  FrameReader reader(kMax);
  ASSERT_TRUE(reader.next("{}\n").ok());
  const auto blank = reader.next("\n \t\r\n");
  ASSERT_TRUE(blank.ok() && *blank);
  EXPECT_EQ((*blank)->payload, "");
  EXPECT_EQ((*blank)->size, 5u);
  const auto request = reader.next("\n \n{\"a\":1}\n{}\n");
  ASSERT_TRUE(request.ok() && *request);
  EXPECT_EQ((*request)->payload, "{\"a\":1}");
  EXPECT_EQ((*request)->size, 11u);
}

TEST(Frame, WhiteSpaceThatComesInPiecesIsLookedAtOnce) {
  constexpr size_t kSpaces = 1024 * 1024;
  const std::string request = R"({"type":"request","id":"1","op":"PING"})";
  const std::string input = std::string(kSpaces, ' ') + request + "\n";
  FrameReader reader(2 * kSpaces);
  const std::clock_t began = std::clock();
  for (size_t size = 1; size < input.size(); ++size) {
    const auto frame = reader.next(std::string_view(input).substr(0, size));
    ASSERT_TRUE(frame.ok() && !*frame) << size;
    if (size % 1024 == 0) {
      ASSERT_LT(std::clock() - began, 5 * CLOCKS_PER_SEC) << "at " << size;
    }
  }
  const auto frame = reader.next(input);
  ASSERT_TRUE(frame.ok() && *frame);
  EXPECT_EQ((*frame)->payload, request);
  EXPECT_EQ((*frame)->size, input.size());
}

TEST(Frame, WhatComesBehindWhiteSpaceInPiecesIsToldAsIfItWereThereAtOnce) {
  for (const std::string_view space : {"", " ", "\n", " \t\r\n \n"}) {
    for (const std::string_view rest : {"{\"a\":1}\n", "RCPX", "RCP1", "RCPZ", "[1]", "\x16"}) {
      const std::string input = std::string(space) + std::string(rest);
      FrameReader pieces(kMax);
      for (size_t size = 0; size <= input.size(); ++size) {
        const std::string_view there = std::string_view(input).substr(0, size);
        FrameReader anew(kMax);
        const auto expected = anew.next(there);
        const auto frame = pieces.next(there);
        ASSERT_EQ(frame.ok(), expected.ok()) << there;
        if (!frame.ok()) {
          EXPECT_EQ(frame.error().to_string(), expected.error().to_string());
          break;
        }
        EXPECT_TRUE(pieces.dialect() == anew.dialect()) << there;
        ASSERT_EQ(frame->has_value(), expected->has_value()) << there;
        if (*frame) {
          EXPECT_EQ((*frame)->payload, (*expected)->payload);
          EXPECT_EQ((*frame)->size, (*expected)->size);
        }
      }
    }
  }
}

TEST(Frame, ALineWithoutEndIsRefusedAtTheLimit) {
  FrameReader reader(kMax);
  const std::string line = "{" + std::string(kMax, 'x');
  EXPECT_TRUE(reader.next(std::string_view(line).substr(0, kMax)).ok());
  EXPECT_FALSE(reader.next(line).ok());
}

RC_GTEST_PROP(Frame, AnyBytesGiveAFrameInsideTheInputOrAnError, (const std::string& bytes)) {
  FrameReader reader(kMax);
  std::string_view input = bytes;
  while (true) {
    const auto frame = reader.next(input);
    if (!frame.ok() || !*frame) break;
    RC_ASSERT((*frame)->size > 0u);
    RC_ASSERT((*frame)->size <= input.size());
    input.remove_prefix((*frame)->size);
  }
}

}  // namespace
}  // namespace rstmdb::wire
