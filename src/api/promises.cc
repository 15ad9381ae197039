#include "api/promises.h"

#include <utility>

#include "base/check.h"

namespace rstmdb::api {

class Promises::Waiting final : public Later::Owed {
 public:
  Waiting(Promises& promises, Promised request)
      : promises_(&promises), request_(std::move(request)) {
    promises_->waiting_.insert(this);
  }
  ~Waiting() override { leave(); }

  void give(Result<Members> members) override {
    Promises* promises = promises_;
    leave();
    if (promises != nullptr) promises->deliver_(request_, std::move(members));
  }
  bool wanted() const override { return promises_ != nullptr; }
  void forget() { promises_ = nullptr; }

 private:
  void leave() {
    if (promises_ != nullptr) promises_->waiting_.erase(this);
    promises_ = nullptr;
  }

  Promises* promises_;  // null once the session is gone, or the answer has been given
  Promised request_;
};

Promises::~Promises() {
  for (Waiting* waiting : waiting_) waiting->forget();
}

void Promises::begin(std::string_view id, size_t operation) {
  next_id_ = id;
  next_operation_ = operation;
  made_ = false;
}

std::unique_ptr<Later::Owed> Promises::promise() {
  RSTMDB_CHECK(!made_, "a request is answered once");
  made_ = true;
  return std::make_unique<Waiting>(*this, Promised{std::string(next_id_), next_operation_});
}

}  // namespace rstmdb::api
