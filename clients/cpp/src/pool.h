// The connections of one client, and the way from an encoded request to a Future.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "link.h"
#include "request.h"

namespace rstmdb::client {

class ClientCore {
 public:
  static Result<std::shared_ptr<ClientCore>> open(Options options);
  explicit ClientCore(std::shared_ptr<const Options> options);

  const std::shared_ptr<const Options>& options() const { return options_; }
  Keys keys() const { return options_->auto_idempotency_keys ? Keys::kMake : Keys::kLeave; }
  TimePoint deadline_of(const CallOptions& call) const;
  void close();

  template <class T>
  Future<T> send(Result<Request> request, typename TypedCall<T>::Decode decode, CallOptions call,
                 Link::Send how) {
    if (!request.ok()) {
      auto promise = std::make_shared<Promise<T>>();
      promise->set(std::move(request).error());
      return Future<T>(std::move(promise));
    }
    Link& link = link_for(request->instance_id);
    auto typed = TypedCall<T>::make(std::move(request->tail), request->repeat, deadline_of(call),
                                    std::move(decode), std::move(call.stop));
    Future<T> future = typed->future();
    link.submit(std::move(typed), how);
    return future;
  }

 private:
  Link& link_for(std::string_view instance_id);

  const std::shared_ptr<const Options> options_;
  std::vector<std::unique_ptr<Link>> links_;  // fixed after open()
  std::atomic<size_t> next_ = 0;
};

/// Refuses options that can never work, with kArgument.
Result<void> check_options(const Options& options);

}  // namespace rstmdb::client
