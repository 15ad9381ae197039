// Redis for the load. An instance is a hash that says what GET_INSTANCE says; ids of the stream
// stand for times and offsets. A transition is one Lua script, called by its checksum: it compares
// the state, merges the payload into the context, adds an entry to the stream and writes the
// instance back. Atomic like an APPLY_EVENT, and answered with the same facts.
#pragma once

#include <string>
#include <string_view>

#include "load/protocol.h"

namespace rstmdb::bench {

class Redis final : public Protocol {
 public:
  explicit Redis(size_t context_bytes);
  bool in_order() const override { return true; }
  Result<void> greet(Connection& connection) override;
  void append(std::string& out, const Request& request) override;
  Result<Answer> read(std::string_view input) override;

  /// Creates instances 0 to `count` - 1. Returns the seconds it took.
  Result<double> create_instances(const Address& address, uint32_t count);

 private:
  std::string context_;
  std::string transition_;  // checksums of the scripts, as Redis gave them
  std::string creation_;
};

}  // namespace rstmdb::bench
