// How far a long command is: a line a second on standard error, with rate and share.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/clock.h"

namespace rstmdb::admin {

/// One thread.
class Progress {
 public:
  enum class Style {
    kNothing,
    kLines,     // one below the other
    kSameLine,  // for a terminal
  };
  struct Options {
    io::Clock& clock;
    Style style;
    std::function<void(std::string_view)> show;                // takes text with its line ends
    std::function<bool()> interrupted = [] { return false; };  // by a signal
  };
  explicit Progress(Options options) : options_(std::move(options)) {}

  /// A phase begins. `total` is in bytes, 0 when nobody knows.
  void begin(std::string_view what, uint64_t total);
  /// `done` bytes of the phase are done. Fails with kConflict, detail code=INTERRUPTED, when the
  /// user wants an end; callers clean up as after any error.
  Result<void> at(uint64_t done);
  /// The phase is over: says how much it was and how long it took.
  void end();

 private:
  void show(int64_t now_ns, std::string_view end_of_line);

  Options options_;
  std::string what_;
  uint64_t total_ = 0;
  uint64_t done_ = 0;
  int64_t begun_ns_ = 0;
  int64_t shown_ns_ = 0;
};

/// "1.4 GiB": three digits are enough for a person.
std::string readable_bytes(uint64_t bytes);

}  // namespace rstmdb::admin
