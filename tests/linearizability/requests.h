// Operations as requests of the protocol, and its answers, records and notifications as the
// history's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "json/document.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

inline constexpr uint64_t kPageRows = 5;

struct Request {
  std::string_view op;
  std::string params;
};

/// `cursor`: where the next of several pages of a list begins, or "". `after_offset`: where a watch
/// goes on, or null. Of a history it is the last of its pages, which has no answer yet.
Request request_of(const Operation& operation, std::string_view cursor = {});
Request watch_of(const Filter& filter, const uint64_t* after_offset);
Request put_machine(uint32_t machine);

/// Writes the answer into the operation: of its acts, or as its rows.
void take_answer(json::Value response, Operation& operation);
/// The cursor of the next page; "" when this was the last.
std::string next_cursor(json::Value response);

/// Fails with kInternalError on what no record or notification of this load looks like.
Result<Logged> read_logged(json::Value element);
Result<Told> read_told(json::Value notification, int64_t at);

}  // namespace rstmdb::lin
