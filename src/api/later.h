// Answers that come later: an operation whose work goes on after it has returned (COMPACT) promises
// one, and gives it when the work is done. Meanwhile the connection goes on with other requests;
// the client matches answers by id.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "json/writer.h"

namespace rstmdb::api {

class Later {
 public:
  /// Writes the members of the result, whose object is open.
  using Members = std::move_only_function<void(json::Writer&)>;

  /// An answer that is owed. Without give() the client gets none. On the loop's thread.
  class Owed {
   public:
    virtual ~Owed() = default;
    /// Once, after the operation has returned. Nobody hears it when the connection is gone by then.
    virtual void give(Result<Members> members) = 0;
    /// False once the connection is gone: work for this answer alone may end.
    virtual bool wanted() const = 0;
  };

  virtual ~Later() = default;
  /// For use inside an operation: its answer will come through what is returned. What the operation
  /// writes or returns besides is not sent.
  virtual std::unique_ptr<Owed> promise() = 0;
};

}  // namespace rstmdb::api
