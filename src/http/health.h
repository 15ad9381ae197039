// Whether the server is alive and whether it should be given work: named conditions that the parts
// of the server put in a list, asked when somebody wants to know.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "http/response.h"

namespace rstmdb::http {

struct Condition {
  std::string name;                                   // "log"
  std::function<std::optional<std::string>()> fault;  // a sentence, or nothing when all is well
};

class Readiness {
 public:
  void add(Condition condition) { conditions_.push_back(std::move(condition)); }
  bool ready() const;
  /// 200 or 503: {"ready":…,"conditions":[{"name":…,"ok":…,"reason":…},…]}; a reason only where
  /// something is wrong.
  Response page() const;

 private:
  std::vector<Condition> conditions_;
};

}  // namespace rstmdb::http
