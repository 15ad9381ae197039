#include "linearizability/log_pages.h"

#include <string>

#include "crash/history.h"
#include "linearizability/requests.h"

namespace rstmdb::lin {
namespace {

constexpr int kAnswerMs = 30'000;

}  // namespace

Result<void> exchange(crash::Connection& connection, std::string_view op, std::string_view params,
                      const std::function<void(json::Value response)>& take) {
  connection.queue(1, op, params);
  bool answered = false;
  while (!answered) {
    connection.send();
    if (!crash::wait_for(connection, kAnswerMs)) {
      return Error(Code::kInternalError, "no answer to " + std::string(op) + " after 30 s");
    }
    RSTMDB_ASSIGN(const auto link, connection.receive([&](uint64_t, json::Value response) {
      answered = true;
      take(response);
    }));
    if (link == crash::Connection::Link::kEnded && !answered) {
      return Error(Code::kInternalError, "the server closed instead of answering");
    }
  }
  return {};
}

Result<void> read_log(uint16_t port, History& history) {
  RSTMDB_ASSIGN(crash::Connection connection, crash::Connection::open(port));
  for (uint64_t next = history.records.size() + 1; next != 0;) {
    std::string problem;
    const std::string params = "{\"limit\":1000,\"from_offset\":" + std::to_string(next) + "}";
    next = 0;
    RSTMDB_TRY(exchange(connection, "WAL_READ", params, [&](json::Value response) {
      const json::Value result = response["result"];
      if (!result) problem = response.text();
      for (json::Value element = result["records"].first(); element; element = element.next()) {
        const auto record = read_logged(element);
        if (!record.ok()) problem = record.error().message();
        if (record.ok()) history.records.push_back(*record);
      }
      next = crash::number_of(result, "next_offset", 0);
    }));
    if (!problem.empty()) return Error(Code::kInternalError, "WAL_READ: " + problem);
  }
  return {};
}

}  // namespace rstmdb::lin
