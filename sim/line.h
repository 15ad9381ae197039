// How a client speaks: what a request looks like on its way, and what has come back. Everything
// else about a client and all of the judgement is the same for every door, so what comes back is
// put into the words of RCP.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ask.h"
#include "base/result.h"
#include "wire/frame.h"

namespace rstmdb::sim {

class Line {
 public:
  struct Heard {
    size_t size = 0;                // bytes of the input
    std::string_view payload = {};  // an answer or an event, until the next call; "": neither
  };
  virtual ~Line() = default;
  /// Appends the request. `token` is shown with it where each request shows one; "": none.
  virtual void ask(std::string& out, uint64_t id, const Ask& ask, std::string_view token) = 0;
  /// The first thing that has come whole, if one has. Fails when the server does not speak so.
  virtual Result<std::optional<Heard>> next(std::string_view input) = 0;
  /// From here on it is jsonl, where that can be.
  virtual void switch_to_lines() {}
};

std::unique_ptr<Line> rcp_line(wire::Dialect dialect);
std::unique_ptr<Line> http_line();

}  // namespace rstmdb::sim
