// The answers that one session has been promised by operations that are still at work. The session
// may end before they come; then they are forgotten.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "api/later.h"

namespace rstmdb::api {

/// On the loop's thread, like its session.
class Promises final : public Later {
 public:
  /// A request that waits for its answer.
  struct Promised {
    std::string id;
    size_t operation = 0;
  };
  using Deliver = std::function<void(const Promised&, Result<Later::Members>)>;
  explicit Promises(Deliver deliver) : deliver_(std::move(deliver)) {}
  ~Promises() override;

  /// Which request the next promise() is made for.
  void begin(std::string_view id, size_t operation);
  /// Whether it has been made since begin().
  bool made() const { return made_; }

  std::unique_ptr<Owed> promise() override;

  /// Requests that still wait.
  size_t count() const { return waiting_.size(); }

 private:
  class Waiting;

  Deliver deliver_;
  std::string_view next_id_;  // valid while the operation runs
  size_t next_operation_ = 0;
  bool made_ = false;
  std::set<Waiting*> waiting_;  // owned by who has promised
};

}  // namespace rstmdb::api
