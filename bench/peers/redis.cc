#include "peers/redis.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <span>

#include "bench/latencies.h"
#include "load/digits.h"
#include "load/rcp.h"

namespace rstmdb::bench {
namespace {

constexpr uint32_t kNumbers = 1'000'000;
constexpr uint32_t kCreationsUnderWay = 1'000;
constexpr size_t kLineEnd = 2;
constexpr unsigned kInstanceDigits = 8;
constexpr std::string_view kStreamId = "1700000000000-0";

// The event GO of the machine `cycle`. A field's value stays as cjson decodes it.
constexpr std::string_view kTransition = R"(
local kept = redis.call('HMGET', KEYS[1], 'state', 'ctx')
local from = kept[1]
local to
if from == 'a' then to = 'b' elseif from == 'b' then to = 'a' end
if not to then return redis.error_reply('CONFLICT') end
local context = cjson.decode(kept[2])
for key, value in pairs(cjson.decode(ARGV[2])) do context[key] = value end
local merged = cjson.encode(context)
local at = redis.call('XADD', 'events', '*', 'id', KEYS[1], 'event', ARGV[1], 'from', from,
                      'to', to, 'payload', ARGV[2])
redis.call('HSET', KEYS[1], 'state', to, 'ctx', merged, 'last', at)
return {from, to, merged, at}
)";

constexpr std::string_view kCreation = R"(
if redis.call('EXISTS', KEYS[1]) == 1 then return redis.error_reply('EXISTS') end
local at = redis.call('XADD', 'events', '*', 'id', KEYS[1], 'ctx', ARGV[1])
redis.call('HSET', KEYS[1], 'machine', 'cycle', 'version', '1', 'state', 'a', 'ctx', ARGV[1],
           'created', at, 'last', at)
return {'a', at}
)";

void append_command(std::string& out, std::span<const std::string_view> words) {
  char digits[24];
  const auto append_count = [&](char kind, size_t count) {
    const auto end = std::to_chars(digits, digits + sizeof digits, count).ptr;
    out.append(1, kind).append(digits, end).append("\r\n");
  };
  append_count('*', words.size());
  for (const std::string_view word : words) {
    append_count('$', word.size());
    out.append(word).append("\r\n");
  }
}

void append_command(std::string& out, std::initializer_list<std::string_view> words) {
  append_command(out, std::span(words.begin(), words.size()));
}

/// The size of the value at the front of `input`; 0 while it is not all there.
Result<size_t> value_size(std::string_view input) {
  const size_t line = input.find("\r\n");
  if (line == std::string_view::npos) return size_t{0};
  if (input[0] == '-')
    return Error(Code::kInternalError, "an error from Redis").with("answer", input.substr(0, line));
  if (input[0] == '+' || input[0] == ':') return line + kLineEnd;
  int64_t count = 0;
  const auto read = std::from_chars(input.data() + 1, input.data() + line, count);
  if ((input[0] != '$' && input[0] != '*') || read.ptr != input.data() + line || count < 0)
    return Error(Code::kInternalError, "no value of RESP, or none at all")
        .with("answer", input.substr(0, line));
  size_t at = line + kLineEnd;
  if (input[0] == '$') {
    at += static_cast<size_t>(count) + kLineEnd;
    return at <= input.size() ? at : size_t{0};
  }
  for (; count > 0; --count) {
    RSTMDB_ASSIGN(const size_t size, value_size(input.substr(at)));
    if (size == 0) return size_t{0};
    at += size;
  }
  return at;
}

/// Loads a script; its checksum.
Result<std::string> load_script(Connection& connection, Redis& redis, std::string_view script) {
  append_command(connection.out(), {"SCRIPT", "LOAD", script});
  RSTMDB_ASSIGN(const Answer answer, exchange(connection, redis));
  const std::string_view text = connection.input().substr(0, answer.size);  // $40\r\n…\r\n
  const size_t start = text.find("\r\n") + kLineEnd;
  std::string checksum(text.substr(start, text.size() - start - kLineEnd));
  connection.drop(answer.size);
  return checksum;
}

}  // namespace

Redis::Redis(size_t context_bytes) : context_(context_of(context_bytes)) {}

Result<void> Redis::greet(Connection& connection) {
  if (!transition_.empty()) return {};
  RSTMDB_ASSIGN(transition_, load_script(connection, *this, kTransition));
  RSTMDB_ASSIGN(creation_, load_script(connection, *this, kCreation));
  return {};
}

void Redis::append(std::string& out, const Request& request) {
  std::array<char, 10> id = {'i', '-'};
  put_digits(id.data() + 2, kInstanceDigits, request.instance);
  const std::string_view key(id.data(), id.size());
  switch (request.operation) {
    case Operation::kApplyEvent: {
      std::array<char, 13> payload = {'{', '"', 'n', '"', ':'};
      payload.back() = '}';
      put_digits(payload.data() + 5, 7, kNumbers + request.number % kNumbers);
      append_command(out, {"EVALSHA", transition_, "1", key, "GO",
                           std::string_view(payload.data(), payload.size())});
      return;
    }
    case Operation::kGetInstance:
      append_command(out, {"HMGET", key, "machine", "version", "state", "ctx", "created", "last"});
      return;
    case Operation::kCreateInstance: {
      id[0] = 'n';
      append_command(out, {"EVALSHA", creation_, "1", key, context_});
      return;
    }
    case Operation::kListInstances:
      RSTMDB_CHECK(false, "Redis has no index to list from");
  }
}

Result<Answer> Redis::read(std::string_view input) {
  RSTMDB_ASSIGN(const size_t size, value_size(input));
  return Answer{.size = size};
}

Result<double> Redis::create_instances(const Address& address, uint32_t count) {
  RSTMDB_ASSIGN(Connection connection, Connection::open(address));
  const int64_t start_ns = now_ns();
  std::string id = "i-00000000";
  uint32_t sent = 0;
  for (uint32_t answered = 0; answered < count;) {
    for (; sent < count && sent - answered < kCreationsUnderWay; ++sent) {
      put_digits(id.data() + 2, kInstanceDigits, sent);
      append_command(connection.out(),
                     {"HSET", id, "machine", "cycle", "version", "1", "state", "a", "ctx", context_,
                      "created", kStreamId, "last", kStreamId});
    }
    for (const uint32_t end = sent; answered < end; ++answered) {
      RSTMDB_ASSIGN(const Answer answer, exchange(connection, *this));
      connection.drop(answer.size);
    }
  }
  return static_cast<double>(now_ns() - start_ns) / 1e9;
}

}  // namespace rstmdb::bench
