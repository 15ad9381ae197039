// rstmdb's own protocol for the load. A request is a frame that was prepared once: each time only
// its digits are replaced and its checksum is computed anew. Of an answer no more is read than its
// length, its id and whether it is a success.
//
//   machine `cycle`: a ─GO─► b ─GO─► a
//   instance `i-00000042`; its context has `n`, which each event replaces, and padding
//   an instance of the load's own creations: `n-65f0c1d2-00000007`, the time of the run in it
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "load/protocol.h"

namespace rstmdb::bench {

/// A request with places whose digits can be replaced.
class PreparedText {
 public:
  enum Place : uint8_t { kSlot, kInstance, kNumber };
  /// `text` holds the digits of kMarks where each place is; a place may be missing.
  explicit PreparedText(std::string text);
  /// Appends the text with other digits.
  void append(std::string& out, const Request& request) const;
  size_t size() const { return text_.size(); }

  static constexpr std::array<std::string_view, 3> kMarks = {"0246", "13579135", "1808080"};

 private:
  std::string text_;
  std::array<size_t, kMarks.size()> places_{};  // npos: missing
};

/// The same as a frame, whose checksum fits its digits.
class PreparedFrame {
 public:
  explicit PreparedFrame(std::string frame) : text_(std::move(frame)) {}
  void append(std::string& out, const Request& request) const;

 private:
  PreparedText text_;
};

class Rcp final : public Protocol {
 public:
  /// `context_bytes` is the size of the contexts that are created; at least kContextBytesMin.
  explicit Rcp(size_t context_bytes);
  bool in_order() const override { return false; }
  Result<void> greet(Connection& connection) override;
  void append(std::string& out, const Request& request) override;
  Result<Answer> read(std::string_view input) override;

 private:
  std::vector<PreparedFrame> frames_;  // by Operation
};

/// The context of every instance, `bytes` long. Its padding looks random, because PostgreSQL
/// compresses large values, and nobody's contexts are one letter again and again.
inline constexpr size_t kContextBytesMin = 64;
inline constexpr int kPageInstances = 100;  // of each LIST_INSTANCES
std::string context_of(size_t bytes);
/// What tells this run's creations from those of another: eight hex digits of the time in ms.
std::string run_mark();

void append_put_machine(std::string& out);
/// BATCH that creates the instances from `first` up to, not including, `end`.
void append_create_batch(std::string& out, uint32_t first, uint32_t end, std::string_view context);
void append_watch_all(std::string& out);

/// Cuts the frame at the front of `input`; empty while it is not all there. `size` is the whole
/// frame's. Fails when the input is no RCPX.
struct CutFrame {
  std::string_view payload;
  size_t size = 0;
};
Result<CutFrame> cut_frame(std::string_view input);

}  // namespace rstmdb::bench
