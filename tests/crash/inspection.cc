#include "crash/inspection.h"

#include <algorithm>

#include "base/limits.h"
#include "json/writer.h"

namespace rstmdb::crash {
namespace {

constexpr size_t kInFlightMax = 64;
constexpr int kAnswerMs = 30'000;
constexpr uint64_t kReadAgain = 500;
constexpr size_t kHistories = 40;  // read of each inspection's instances

std::string only(std::string_view key, std::string_view text) {
  std::string out;
  json::Writer(out).open_object().member(key, text).close_object();
  return out;
}

}  // namespace

Result<void> Inspection::after_restart(uint16_t port) {
  RSTMDB_ASSIGN(Connection connection, Connection::open(port));
  RSTMDB_TRY(look_at_end(connection));
  const uint64_t known = checker_.last_offset();
  RSTMDB_TRY(look_at_begin(connection));
  if (known > kReadAgain + oldest_) {
    RSTMDB_ASSIGN(const uint64_t next,
                  read_page(connection, dice_.between(oldest_, known - kReadAgain), kReadAgain));
    (void)next;
  }
  RSTMDB_TRY(read_to_end(connection, known > kReadAgain + oldest_ ? known - kReadAgain : oldest_));
  checker_.settle();
  std::vector<std::string> ids = checker_.fold().take_touched();
  ids.push_back("never-" + std::to_string(known));
  RSTMDB_TRY(compare(connection, ids));
  return compare_histories(connection, ids);
}

Result<void> Inspection::complete(uint16_t port) {
  RSTMDB_ASSIGN(Connection connection, Connection::open(port));
  RSTMDB_TRY(look_at_end(connection));
  RSTMDB_TRY(look_at_begin(connection));
  fed_ = 0;
  RSTMDB_TRY(read_to_end(connection, oldest_));
  checker_.log_ends_at(oldest_ - 1 + fed_);
  std::vector<std::string> ids;
  for (const auto& [id, instance] : checker_.fold().instances()) ids.push_back(id);
  RSTMDB_TRY(compare(connection, ids));
  return compare_histories(connection, ids);
}

Result<void> Inspection::exchange(Connection& connection, const std::vector<Call>& calls,
                                  const TakeResult& take) {
  size_t sent = 0;
  size_t answered = 0;
  while (answered < calls.size()) {
    for (; sent < calls.size() && sent - answered < kInFlightMax; ++sent) {
      connection.queue(sent, calls[sent].op, calls[sent].params);
    }
    connection.send();
    if (!wait_for(connection, kAnswerMs)) {
      return Error(Code::kInternalError, "no answer after 30 s");
    }
    RSTMDB_ASSIGN(const Connection::Link link,
                  connection.receive([&](uint64_t id, json::Value response) {
                    ++answered;
                    take(id, response);
                  }));
    if (link == Connection::Link::kEnded && answered < calls.size()) {
      return Error(Code::kInternalError, "the server closed the connection of the inspection");
    }
  }
  return {};
}

Result<void> Inspection::look_at_end(Connection& connection) {
  return exchange(connection, {{"WAL_STATS", "{}"}}, [&](size_t, json::Value response) {
    const json::Value result = response["result"];
    segments_max_ = std::max(segments_max_, number_of(result, "segment_count", 0));
    checker_.log_ends_at(number_of(result, "latest_offset", 0));
  });
}

/// Where the log begins now. What has not been read yet must not have been removed.
Result<void> Inspection::look_at_begin(Connection& connection) {
  oldest_ = 1;
  return exchange(connection, {{"WAL_READ", R"({"from_offset":0,"limit":1})"}},
                  [&](size_t, json::Value response) {
                    const json::Value first = response["result"]["records"].first();
                    if (first) oldest_ = number_of(first, "offset", 1);
                    checker_.verdict().check(
                        Rule::kPrefixKept, oldest_ <= checker_.last_offset() + 1, [&] {
                          return "the log begins at " + std::to_string(oldest_) +
                                 ", it was read up to " + std::to_string(checker_.last_offset());
                        });
                  });
}

Result<uint64_t> Inspection::read_page(Connection& connection, uint64_t from, uint64_t limit) {
  std::string params;
  json::Writer(params)
      .open_object()
      .member("from_offset", from)
      .member("limit", limit)
      .close_object();
  uint64_t next = 0;
  uint64_t last = from - 1;
  std::string refusal;
  RSTMDB_TRY(exchange(connection, {{"WAL_READ", params}}, [&](size_t, json::Value response) {
    const json::Value result = response["result"];
    if (!result) refusal = response.text();
    for (json::Value element = result["records"].first(); element; element = element.next()) {
      last = number_of(element, "offset", 0);
      feed(element);
    }
    next = number_of(result, "next_offset", 0);
  }));
  if (!refusal.empty()) {
    return Error(Code::kInternalError,
                 "WAL_READ from " + std::to_string(from) + " was answered with " + refusal);
  }
  checker_.verdict().check(Rule::kOffsetsDense, next == 0 || next == last + 1, [&] {
    return "WAL_READ ended with " + std::to_string(last) + " and goes on at " +
           std::to_string(next);
  });
  return next > from ? next : 0;
}

Result<void> Inspection::read_to_end(Connection& connection, uint64_t from) {
  for (uint64_t next = from; next != 0;) {
    RSTMDB_ASSIGN(next, read_page(connection, next, limits::kLogReadLimitMax));
  }
  return {};
}

void Inspection::feed(json::Value element) {
  const auto record = read_log_record(element);
  checker_.verdict().check(Rule::kNoPhantom, record.ok(), [&] { return record.error().message(); });
  if (!record.ok()) return;
  ++fed_;
  if (record->offset <= checker_.last_offset()) {
    checker_.read_again(*record);
  } else {
    checker_.read(*record);
  }
}

Result<void> Inspection::compare(Connection& connection, const std::vector<std::string>& ids) {
  std::vector<Call> calls;
  calls.reserve(ids.size());
  for (const std::string& id : ids) calls.push_back({"GET_INSTANCE", only("instance_id", id)});
  return exchange(connection, calls, [&](size_t call, json::Value response) {
    checker_.compare(read_instance(response, ids[call]));
  });
}

/// Of some of the instances, chosen by chance.
Result<void> Inspection::compare_histories(Connection& connection,
                                           const std::vector<std::string>& ids) {
  std::vector<std::string> chosen;
  std::vector<Call> calls;
  for (size_t i = 0; i < std::min(kHistories, ids.size()); ++i) {
    chosen.push_back(ids[dice_.below(ids.size())]);
    std::string params;
    json::Writer(params)
        .open_object()
        .member("instance_id", std::string_view(chosen.back()))
        .member("limit", dice_.between(1, limits::kListLimitMax))
        .member("include_ctx", false)
        .close_object();
    calls.push_back({"GET_HISTORY", params});
  }
  return exchange(connection, calls, [&](size_t call, json::Value response) {
    checker_.compare(read_history(response, chosen[call]));
  });
}

}  // namespace rstmdb::crash
