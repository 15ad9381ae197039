#include "linearizability/line.h"

#include <poll.h>

#include <utility>

#include "linearizability/history.h"
#include "linearizability/http_line.h"

namespace rstmdb::lin {
namespace {

class RcpLine final : public Line {
 public:
  explicit RcpLine(crash::Connection connection) : connection_(std::move(connection)) {}

  int descriptor() const override { return connection_.descriptor(); }
  bool has_unsent() const override { return connection_.has_unsent(); }
  void queue(uint64_t id, std::string_view op, std::string_view params) override {
    connection_.queue(id, op, params);
  }
  void send() override { connection_.send(); }
  Result<Link> receive(const Take& take, const Hear& hear) override {
    return connection_.receive(take, hear);
  }

 private:
  crash::Connection connection_;
};

}  // namespace

Result<std::unique_ptr<Line>> open_line(uint8_t dialect, const Ports& ports) {
  if (dialect == kHttp) {
    RSTMDB_ASSIGN(const int descriptor, crash::connect_to(ports.http));
    return std::unique_ptr<Line>(std::make_unique<HttpLine>(descriptor, ports.http));
  }
  RSTMDB_ASSIGN(crash::Connection connection,
                crash::Connection::open(ports.rcp, static_cast<wire::Dialect>(dialect)));
  return std::unique_ptr<Line>(std::make_unique<RcpLine>(std::move(connection)));
}

bool wait_for(const Line& line, int timeout_ms) {
  const int events = POLLIN | (line.has_unsent() ? POLLOUT : 0);
  pollfd waiting{line.descriptor(), static_cast<short>(events), 0};
  return ::poll(&waiting, 1, timeout_ms) > 0;
}

}  // namespace rstmdb::lin
