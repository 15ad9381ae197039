#include "http/health.h"

#include <algorithm>

#include "json/writer.h"

namespace rstmdb::http {

bool Readiness::ready() const {
  return std::ranges::none_of(conditions_,
                              [](const Condition& one) { return one.fault().has_value(); });
}

Response Readiness::page() const {
  std::string list;
  json::Writer entries(list);
  entries.open_array();
  bool ready = true;
  for (const Condition& condition : conditions_) {
    const std::optional<std::string> fault = condition.fault();
    ready = ready && !fault;
    entries.open_object().member("name", condition.name).member("ok", !fault.has_value());
    if (fault) entries.member("reason", *fault);
    entries.close_object();
  }
  entries.close_array();
  Response response{.status = ready ? 200 : 503};
  json::Writer(response.body)
      .open_object()
      .member("ready", ready)
      .member("conditions", json::RawJson{list})
      .close_object();
  response.body += '\n';
  return response;
}

}  // namespace rstmdb::http
