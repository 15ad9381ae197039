#include "io/tls_net.h"

#include <utility>

#include "io/tls_stream.h"

namespace rstmdb::io {

TlsNet::TlsNet(Options options)
    : below_(options.below),
      shared_(
          std::make_shared<TlsShared>(options.loop, options.worker, std::move(options.context))) {}

TlsNet::~TlsNet() {
  // They hold what is shared, and it holds them.
  auto closing = std::exchange(shared_->closing, {});
}

Result<std::unique_ptr<Listener>> TlsNet::listen(std::string_view address, Accept on_accept) {
  return below_.listen(address, [shared = shared_, accept = std::move(on_accept)](
                                    std::unique_ptr<Stream> stream) mutable {
    accept(serve_tls(shared, std::move(stream)));
  });
}

void TlsNet::use(TlsContext context) { shared_->context = std::move(context); }

const TlsNet::Stats& TlsNet::stats() const { return shared_->stats; }

}  // namespace rstmdb::io
