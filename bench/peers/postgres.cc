#include "peers/postgres.h"

#include <array>
#include <cstring>
#include <initializer_list>

#include "base/bytes.h"
#include "base/check.h"
#include "bench/latencies.h"
#include "load/digits.h"
#include "load/rcp.h"

namespace rstmdb::bench {
namespace {

constexpr uint32_t kNumbers = 1'000'000;
constexpr unsigned kInstanceDigits = 8;
constexpr uint32_t kProtocolVersion = 3 << 16;
constexpr size_t kHeadBytes = 5;  // a letter, and the length without it

// Room in each page lets an update stay in its page, which suits PostgreSQL best.
constexpr std::string_view kTables = R"(
DROP TABLE IF EXISTS instance, event;
DROP SEQUENCE IF EXISTS event_number;
CREATE SEQUENCE event_number;
CREATE TABLE instance (id text PRIMARY KEY, machine text NOT NULL, version int NOT NULL,
                       state text NOT NULL, ctx jsonb NOT NULL, last bigint NOT NULL,
                       created_at timestamptz NOT NULL DEFAULT now(),
                       updated_at timestamptz NOT NULL DEFAULT now()) WITH (fillfactor = 50);
CREATE TABLE event (number bigint PRIMARY KEY, id text NOT NULL, name text NOT NULL,
                    to_state text NOT NULL, payload jsonb NOT NULL,
                    at timestamptz NOT NULL DEFAULT now());
)";

struct Statement {
  std::string_view name;
  std::string_view text;
};
constexpr std::array<Statement, 3> kStatements = {{
    {"apply", R"(
WITH moved AS (
  UPDATE instance SET state = CASE state WHEN 'a' THEN 'b' ELSE 'a' END, ctx = ctx || $2::jsonb,
                      last = nextval('event_number'), updated_at = now()
  WHERE id = $1 AND state IN ('a', 'b') RETURNING id, state, ctx, last),
logged AS (
  INSERT INTO event (number, id, name, to_state, payload)
  SELECT last, id, 'GO', state, $2::jsonb FROM moved)
SELECT state, ctx, last FROM moved)"},
    {"get",
     "SELECT machine, version, state, ctx, last, created_at, updated_at FROM instance "
     "WHERE id = $1"},
    {"create", R"(
WITH made AS (
  INSERT INTO instance VALUES ($1, 'cycle', 1, 'a', $2::jsonb, nextval('event_number'))
  RETURNING id, state, ctx, last),
logged AS (
  INSERT INTO event (number, id, name, to_state, payload) SELECT last, id, '', state, ctx FROM made)
SELECT state, last FROM made)"},
}};

void append_u16(std::string& out, size_t number) {
  char bytes[2];
  store_be<uint16_t>(bytes, static_cast<uint16_t>(number));
  out.append(bytes, sizeof bytes);
}

void append_u32(std::string& out, size_t number) {
  char bytes[4];
  store_be<uint32_t>(bytes, static_cast<uint32_t>(number));
  out.append(bytes, sizeof bytes);
}

/// A message of a letter and what `fill` appends.
template <class Fill>
void append_message(std::string& out, char letter, const Fill& fill) {
  out.push_back(letter);
  const size_t at = out.size();
  out.append(4, '\0');
  fill();
  store_be<uint32_t>(out.data() + at, static_cast<uint32_t>(out.size() - at));
}

void append_sync(std::string& out) {
  append_message(out, 'S', [] {});
}

/// Executes a prepared statement.
void append_execute(std::string& out, std::string_view statement,
                    std::initializer_list<std::string_view> values) {
  append_message(out, 'B', [&] {
    out.push_back('\0');  // the portal without a name
    out.append(statement).push_back('\0');
    append_u16(out, 0);  // all values are text
    append_u16(out, values.size());
    for (const std::string_view value : values) {
      append_u32(out, value.size());
      out.append(value);
    }
    append_u16(out, 0);
  });
  append_message(out, 'E', [&] {
    out.push_back('\0');
    append_u32(out, 0);  // all rows
  });
}

Result<void> ask(Connection& connection, Postgres& postgres) {
  RSTMDB_ASSIGN(const Answer answer, exchange(connection, postgres));
  connection.drop(answer.size);
  return {};
}

Result<void> query(Connection& connection, Postgres& postgres, std::string_view text) {
  std::string& out = connection.out();
  append_message(out, 'Q', [&] { out.append(text).push_back('\0'); });
  return ask(connection, postgres);
}

Result<void> log_in(Connection& connection, Postgres& postgres) {
  std::string& out = connection.out();
  const size_t at = out.size();
  append_u32(out, 0);
  append_u32(out, kProtocolVersion);
  constexpr std::string_view kSettings("user\0postgres\0database\0postgres\0", 32);
  out.append(kSettings).push_back('\0');
  store_be<uint32_t>(out.data() + at, static_cast<uint32_t>(out.size() - at));
  return ask(connection, postgres);
}

}  // namespace

Postgres::Postgres(size_t context_bytes) : context_(context_of(context_bytes)) {}

Result<void> Postgres::greet(Connection& connection) {
  RSTMDB_TRY(log_in(connection, *this));
  std::string& out = connection.out();
  for (const Statement& statement : kStatements)
    append_message(out, 'P', [&] {
      out.append(statement.name).push_back('\0');
      out.append(statement.text).push_back('\0');
      append_u16(out, 0);  // the types follow from the text
    });
  append_sync(out);
  return ask(connection, *this);
}

void Postgres::append(std::string& out, const Request& request) {
  std::array<char, 10> id = {'i', '-'};
  put_digits(id.data() + 2, kInstanceDigits, request.instance);
  const std::string_view key(id.data(), id.size());
  switch (request.operation) {
    case Operation::kApplyEvent: {
      std::array<char, 13> payload = {'{', '"', 'n', '"', ':'};
      payload.back() = '}';
      put_digits(payload.data() + 5, 7, kNumbers + request.number % kNumbers);
      append_execute(out, "apply", {key, std::string_view(payload.data(), payload.size())});
      return;
    }
    case Operation::kGetInstance:
      append_execute(out, "get", {key});
      return;
    case Operation::kCreateInstance:
      id[0] = 'n';
      append_execute(out, "create", {key, context_});
      return;
    case Operation::kListInstances:
      RSTMDB_CHECK(false, "listing is not compared with PostgreSQL");
  }
}

void Postgres::end_group(std::string& out) { append_sync(out); }

/// An answer is all up to ReadyForQuery: parameters, rows, and how many there were.
Result<Answer> Postgres::read(std::string_view input) {
  size_t at = 0;
  uint32_t count = 0;
  while (at + kHeadBytes <= input.size()) {
    const char letter = input[at];
    const size_t size = 1 + load_be<uint32_t>(input.data() + at + 1);
    if (at + size > input.size()) break;
    const std::string_view content = input.substr(at + kHeadBytes, size - kHeadBytes);
    const bool refused = letter == 'R' && content != std::string_view("\0\0\0\0", 4);
    // CommandComplete says SELECT 1, and 0 at its end if nothing matched.
    const bool nothing = letter == 'C' && content.ends_with(std::string_view(" 0\0", 3));
    if (letter == 'E' || refused || nothing)
      return Error(Code::kInternalError, "an answer from PostgreSQL that is no success")
          .with("message", input.substr(at, 1))
          .with("content", content);
    at += size;
    if (letter == 'C') ++count;
    if (letter == 'Z') return Answer{.size = at, .count = count};
  }
  return Answer{};
}

Result<double> Postgres::create_instances(const Address& address, uint32_t count) {
  RSTMDB_ASSIGN(Connection connection, Connection::open(address));
  RSTMDB_TRY(log_in(connection, *this));
  RSTMDB_TRY(query(connection, *this, kTables));
  const int64_t start_ns = now_ns();
  RSTMDB_TRY(query(connection, *this,
                   "INSERT INTO instance SELECT 'i-' || lpad(n::text, 8, '0'), 'cycle', 1, 'a', '" +
                       context_ + "'::jsonb, 0 FROM generate_series(0, " +
                       std::to_string(count - 1) + ") AS n"));
  RSTMDB_TRY(query(connection, *this, "VACUUM ANALYZE instance"));
  RSTMDB_TRY(query(connection, *this, "CHECKPOINT"));
  return static_cast<double>(now_ns() - start_ns) / 1e9;
}

}  // namespace rstmdb::bench
