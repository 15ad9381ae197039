#include "io/tls_handshakes.h"

#include <utility>

namespace rstmdb::io {

void TlsHandshakes::ask(const std::shared_ptr<TlsHandshakes>& self, std::shared_ptr<Party> party) {
  self->waiting_.push_back(std::move(party));
  begin(self);
}

void TlsHandshakes::begin(const std::shared_ptr<TlsHandshakes>& self) {
  while (self->under_way_ < kUnderWayMax && !self->waiting_.empty()) {
    std::shared_ptr<Party> party = std::move(self->waiting_.front());
    self->waiting_.pop_front();
    if (!party->still_wanted()) continue;
    ++self->under_way_;
    self->worker_.run([party] { party->step(); },
                      [self, party] {
                        --self->under_way_;
                        party->stepped();
                        begin(self);
                      });
  }
}

}  // namespace rstmdb::io
