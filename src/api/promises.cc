#include "api/promises.h"

#include <utility>

#include "base/check.h"

namespace rstmdb::api {

Promises::~Promises() {
  for (Waiting* waiting : waiting_) waiting->promises = nullptr;
}

void Promises::begin(std::string_view id, size_t operation) {
  next_id_ = id;
  next_operation_ = operation;
  made_ = false;
}

Later::Answer Promises::promise() {
  RSTMDB_CHECK(!made_, "a request is answered once");
  made_ = true;
  // Whoever drops the function without a word leaves the client without an answer, but takes the
  // entry with it.
  struct Remove {
    void operator()(Waiting* waiting) const {
      if (waiting->promises != nullptr) waiting->promises->waiting_.erase(waiting);
      delete waiting;
    }
  };
  std::unique_ptr<Waiting, Remove> waiting(
      new Waiting{this, {std::string(next_id_), next_operation_}});
  waiting_.insert(waiting.get());
  return [waiting = std::move(waiting)](Result<Members> members) {
    if (waiting->promises != nullptr) waiting->promises->keep(*waiting, std::move(members));
  };
}

void Promises::keep(Waiting& waiting, Result<Members> members) {
  waiting_.erase(&waiting);
  waiting.promises = nullptr;
  deliver_(waiting.request, std::move(members));
}

}  // namespace rstmdb::api
