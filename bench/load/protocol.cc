#include "load/protocol.h"

namespace rstmdb::bench {

Result<Answer> exchange(Connection& connection, Protocol& protocol) {
  RSTMDB_ASSIGN(const bool sent, connection.send());
  RSTMDB_CHECK(sent, "a blocking send left something");
  while (true) {
    RSTMDB_ASSIGN(const Answer answer, protocol.read(connection.input()));
    if (answer.size > 0) return answer;
    RSTMDB_TRY(connection.receive());
  }
}

}  // namespace rstmdb::bench
