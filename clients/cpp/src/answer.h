// Messages from the server: answers and stream events.
#pragma once

#include <optional>
#include <string_view>

#include "json/document.h"
#include "rstmdb/result.h"

namespace rstmdb::client {

/// Parses `payload` into `document`; fails with kProtocol.
Result<json::Value> parse_message(json::Document& document, std::string_view payload);

struct Answer {
  std::string_view id;
  json::Value result;          // an object, unless there is an error
  std::optional<Error> error;  // what the server answered instead
};

/// Reads `{"type":"response",…}`. Fails with kProtocol when it is no answer at all.
Result<Answer> read_answer(json::Value message);

}  // namespace rstmdb::client
