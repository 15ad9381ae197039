// TLS as a Net over another one: every connection of the listeners made here speaks TLS. The same
// code runs over TCP and over the simulated network.
#pragma once

#include <cstdint>
#include <memory>

#include "io/net.h"
#include "io/tls_context.h"

namespace rstmdb::io {

struct TlsShared;  // what the net and its streams have in common

class TlsNet final : public Net {
 public:
  struct Options {
    Net& below;
    Loop& loop;
    Worker& worker;  // for handshakes; outlives the net and its streams
    TlsContext context;
  };
  struct Stats {
    uint64_t handshakes = 0;  // that came to a good end
    uint64_t failures = 0;    // and those that did not, plain bytes included
  };

  explicit TlsNet(Options options);
  ~TlsNet() override;

  Result<std::unique_ptr<Listener>> listen(std::string_view address, Accept on_accept) override;

  /// For handshakes from now on, and for Stream::still_trusted() of all connections.
  void use(TlsContext context);
  const Stats& stats() const;

 private:
  Net& below_;
  std::shared_ptr<TlsShared> shared_;  // shared with streams, which may outlive the net
};

}  // namespace rstmdb::io
