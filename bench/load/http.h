// The gateway under load: keep-alive connections with a bearer token, one request under way on
// each. A request is text that was prepared once; each time only its digits are replaced.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "load/protocol.h"
#include "load/rcp.h"

namespace rstmdb::bench {

class Http final : public Protocol {
 public:
  explicit Http(size_t context_bytes);
  bool in_order() const override { return true; }
  Result<void> greet(Connection&) override { return {}; }
  void append(std::string& out, const Request& request) override;
  Result<Answer> read(std::string_view input) override;

 private:
  std::vector<PreparedText> requests_;  // by Operation
};

}  // namespace rstmdb::bench
