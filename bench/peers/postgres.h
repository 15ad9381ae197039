// PostgreSQL for the load, by its own protocol (version 3). A transition is one prepared statement:
// it updates the instance where the state matches and inserts a row into a table of events. A Sync
// ends each group of requests (Plan::group), as in libpq's pipeline mode: a group is one
// transaction and is answered when it has been committed. In a group of one, as with an
// APPLY_EVENT, an answer is durable and does not depend on its neighbours.
#pragma once

#include <string>
#include <string_view>

#include "load/protocol.h"

namespace rstmdb::bench {

class Postgres final : public Protocol {
 public:
  explicit Postgres(size_t context_bytes);
  bool in_order() const override { return true; }
  /// Logs in as user and database `postgres` (trusted) and prepares the statements, as far as their
  /// tables exist.
  Result<void> greet(Connection& connection) override;
  void append(std::string& out, const Request& request) override;
  void end_group(std::string& out) override;
  Result<Answer> read(std::string_view input) override;

  /// Makes the tables anew, with instances 0 to `count` - 1. Returns the seconds it took.
  Result<double> create_instances(const Address& address, uint32_t count);

 private:
  std::string context_;
};

}  // namespace rstmdb::bench
