// protocol/vectors/frames.json against the server's frame reader: whole and byte by byte.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "protocol/contract.h"
#include "wire/frame.h"

namespace rstmdb::tests {
namespace {

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::string bytes_of(json::Value given) {
  if (given.is_string()) return from_hex(given.string());
  std::string bytes;
  for (json::Value part = given.first(); part; part = part.next()) {
    const std::string piece = from_hex(part["hex"].string());
    for (int64_t i = number_of(part, "times", 1); i > 0; --i) bytes += piece;
  }
  return bytes;
}

std::string_view trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r\n") - start + 1);
}

/// What a reader has found in a stream that is given to it piece by piece.
class Reading {
 public:
  explicit Reading(size_t payload_bytes_max) : reader_(payload_bytes_max) {}

  void feed(std::string_view bytes) {
    input_ += bytes;
    while (!error_) {
      auto next = reader_.next(input_);
      if (!next.ok()) {
        error_ = std::move(next).error();
        return;
      }
      if (!*next) return;
      const wire::Frame frame = **next;
      const bool line = reader_.dialect() == wire::Dialect::kJsonl;
      const std::string_view payload = line ? trimmed(frame.payload) : frame.payload;
      if (!line || !payload.empty()) payloads_.emplace_back(payload);
      ASSERT_GT(frame.size, 0u);
      input_.erase(0, frame.size);
    }
  }

  const std::vector<std::string>& payloads() const { return payloads_; }
  const std::optional<Error>& error() const { return error_; }

 private:
  wire::FrameReader reader_;
  std::string input_;
  std::vector<std::string> payloads_;
  std::optional<Error> error_;
};

void expect_as_told(const Reading& reading, json::Value row) {
  std::vector<std::string> payloads;
  for (json::Value p = row["payloads"].first(); p; p = p.next()) payloads.emplace_back(p.string());
  EXPECT_EQ(reading.payloads(), payloads);
  const json::Value error = row["error"];
  ASSERT_EQ(reading.error().has_value(), error.present())
      << (reading.error() ? reading.error()->to_string() : "no error");
  if (!error) return;
  EXPECT_EQ(code_name(reading.error()->code()), text_of(error, "code"));
  EXPECT_TRUE(has_details(*reading.error(), error["details"]));
}

TEST(FrameVectors, HoldHoweverTheBytesArrive) {
  json::Document document;
  read_contract(document, "vectors/frames.json");
  size_t rows = 0;
  for (json::Value row = document.root()["frames"].first(); row; row = row.next(), ++rows) {
    SCOPED_TRACE(text_of(row, "name"));
    const std::string bytes = bytes_of(row["bytes"]);
    const auto limit =
        static_cast<size_t>(number_of(row, "payload_bytes_max", limits::kFramePayloadBytesMax));
    Reading whole(limit);
    whole.feed(bytes);
    expect_as_told(whole, row);
    if (bytes.size() > 4096) continue;  // byte by byte is quadratic here and shows nothing more
    Reading dribbled(limit);
    for (const char byte : bytes) dribbled.feed({&byte, 1});
    expect_as_told(dribbled, row);
  }
  EXPECT_GT(rows, 100u);
}

}  // namespace
}  // namespace rstmdb::tests
