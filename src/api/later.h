// Answers that come later: an operation whose work goes on after it has returned (COMPACT) promises
// one, and gives it when the work is done. Meanwhile the connection goes on with other requests;
// the client matches answers by id.
#pragma once

#include <functional>

#include "base/result.h"
#include "json/writer.h"

namespace rstmdb::api {

class Later {
 public:
  /// Writes the members of the result, whose object is open.
  using Members = std::move_only_function<void(json::Writer&)>;
  /// To be called once, on the loop's thread, after the operation has returned. Nobody hears it
  /// when the connection is gone by then.
  using Answer = std::move_only_function<void(Result<Members>)>;

  virtual ~Later() = default;
  /// For use inside an operation: its answer will come through the function. What it writes or
  /// returns besides is not sent.
  virtual Answer promise() = 0;
};

}  // namespace rstmdb::api
