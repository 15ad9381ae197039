#include "linearizability/races.h"

#include <algorithm>
#include <set>

#include "crash/model.h"
#include "linearizability/requests.h"

namespace rstmdb::lin {
namespace {

constexpr size_t kRotatingBytes = 24 * 1024;  // 64 of them are more than a segment of 1 MiB

using Request = std::pair<std::string_view, std::string>;

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string instance(std::string_view race, uint64_t round) {
  return quoted(std::string(race) + "-" + std::to_string(round));
}

std::string create_params(const std::string& id, uint64_t tag) {
  return R"({"machine":"g0","version":1,"instance_id":)" + id + R"(,"initial_ctx":{"t":)" +
         std::to_string(tag) + "}}";
}

std::string apply_params(const std::string& id, uint64_t tag, const std::string& more = "") {
  return R"({"event":"next","instance_id":)" + id + R"(,"payload":{"t":)" + std::to_string(tag) +
         "}" + more + "}";
}

Error wrong(std::string sentence, const std::vector<RaceAnswer>& answers) {
  for (size_t i = 0; i < std::min<size_t>(answers.size(), 4); ++i)
    sentence += "; " + answers[i].text;
  return Error(Code::kInternalError, std::move(sentence));
}

size_t successes(const std::vector<RaceAnswer>& answers) {
  return static_cast<size_t>(std::ranges::count(answers, "", &RaceAnswer::error));
}

bool others_got(const std::vector<RaceAnswer>& answers, Code code) {
  return std::ranges::all_of(answers, [&](const RaceAnswer& answer) {
    return answer.error.empty() || answer.error == code_name(code);
  });
}

/// The instance's context holds `tag`, and its last record is at `offset`.
Result<void> shows(Arena& arena, const std::string& id, const RaceAnswer& winner, uint64_t tag) {
  RSTMDB_ASSIGN(const RaceAnswer read, arena.ask("GET_INSTANCE", R"({"instance_id":)" + id + "}"));
  const bool right =
      read.text.find("\"last_wal_offset\":" + std::to_string(winner.offset)) != std::string::npos &&
      read.text.find("\"t\":" + std::to_string(tag)) != std::string::npos;
  if (right) return {};
  return wrong("the instance is not what the winner made of it", {winner, read});
}

/// The one who succeeded; its number is in `place`.
Result<RaceAnswer> only_winner(const std::vector<RaceAnswer>& answers, Code others, size_t& place) {
  if (successes(answers) != 1 || !others_got(answers, others)) {
    return wrong(std::to_string(successes(answers)) + " have won", answers);
  }
  place = static_cast<size_t>(std::ranges::find(answers, "", &RaceAnswer::error) - answers.begin());
  return answers[place];
}

Result<void> race_create(Arena& arena, uint64_t round) {
  const std::string id = instance("create", round);
  RSTMDB_ASSIGN(const auto answers, arena.release([&](size_t client) {
    return Request("CREATE_INSTANCE", create_params(id, client + 1));
  }));
  size_t place = 0;
  RSTMDB_ASSIGN(const RaceAnswer winner, only_winner(answers, Code::kInstanceExists, place));
  return shows(arena, id, winner, place + 1);
}

/// Half of them register one definition, half another, under one name and version.
Result<void> race_put_machine(Arena& arena, uint64_t round) {
  RSTMDB_ASSIGN(const auto answers, arena.release([&](size_t client) {
    return Request("PUT_MACHINE", R"({"version":1,"machine":)" + instance("put", round) +
                                      R"(,"definition":)" + crash::definition_text(client % 2) +
                                      "}");
  }));
  size_t created = 0;
  size_t winner = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].text.find("\"created\":true") == std::string::npos) continue;
    ++created;
    winner = i;
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const bool same = i % 2 == winner % 2;
    const std::string_view due = same ? "" : code_name(Code::kMachineVersionExists);
    if (created != 1 || answers[i].error != due) {
      return wrong(std::to_string(created) + " have registered it", answers);
    }
  }
  return {};
}

/// The first half removes the instance, the other half would make it anew: ids are not used again.
Result<void> race_delete_create(Arena& arena, uint64_t round) {
  const std::string id = instance("delete", round);
  RSTMDB_ASSIGN(const RaceAnswer made, arena.ask("CREATE_INSTANCE", create_params(id, 1)));
  if (!made.error.empty()) return wrong("it cannot be made", {made});
  RSTMDB_ASSIGN(const auto answers, arena.release([&](size_t client) -> Request {
    if (client % 2 == 0) return {"DELETE_INSTANCE", R"({"instance_id":)" + id + "}"};
    return {"CREATE_INSTANCE", create_params(id, client)};
  }));
  std::set<uint64_t> offsets;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (i % 2 == 0) offsets.insert(answers[i].offset);
    const std::string_view due = i % 2 == 0 ? "" : code_name(Code::kInstanceExists);
    if (answers[i].error != due) return wrong("client " + std::to_string(i), answers);
  }
  if (offsets.size() == 1) return {};
  return wrong("it was removed more than once", answers);
}

Result<void> race_same_key(Arena& arena, uint64_t round) {
  const std::string id = instance("key", round);
  RSTMDB_ASSIGN(const RaceAnswer made, arena.ask("CREATE_INSTANCE", create_params(id, 1)));
  if (!made.error.empty()) return wrong("it cannot be made", {made});
  RSTMDB_ASSIGN(const auto answers, arena.release([&](size_t) {
    return Request("APPLY_EVENT", apply_params(id, 7, R"(,"idempotency_key":"k")"));
  }));
  const auto applied = std::ranges::count(answers, true, &RaceAnswer::applied);
  for (const RaceAnswer& answer : answers) {
    const bool same = answer.error.empty() && answer.offset == answers.front().offset;
    if (!same || applied != 1) return wrong(std::to_string(applied) + " were applied", answers);
  }
  return shows(arena, id, answers.front(), 7);
}

/// Who wins moves the instance on, so that nobody else's expectation holds.
Result<void> race_expectation(Arena& arena, const std::string& id, const std::string& expectation) {
  RSTMDB_ASSIGN(const auto answers, arena.release([&](size_t client) {
    return Request("APPLY_EVENT", apply_params(id, client + 1, expectation));
  }));
  size_t place = 0;
  RSTMDB_ASSIGN(const RaceAnswer winner, only_winner(answers, Code::kConflict, place));
  return shows(arena, id, winner, place + 1);
}

Result<void> race_expected_state(Arena& arena, uint64_t round) {
  const std::string id = instance("state", round);
  RSTMDB_ASSIGN(const RaceAnswer made, arena.ask("CREATE_INSTANCE", create_params(id, 1)));
  if (!made.error.empty()) return wrong("it cannot be made", {made});
  return race_expectation(arena, id, R"(,"expected_state":"a")");
}

Result<void> race_expected_offset(Arena& arena, uint64_t round) {
  const std::string id = instance("offset", round);
  RSTMDB_ASSIGN(const RaceAnswer made, arena.ask("CREATE_INSTANCE", create_params(id, 1)));
  if (!made.error.empty()) return wrong("it cannot be made", {made});
  return race_expectation(arena, id, ",\"expected_wal_offset\":" + std::to_string(made.offset));
}

/// So much at once that the log begins a new segment in the middle of it.
Result<void> race_rotate(Arena& arena, uint64_t round) {
  const std::string id = instance("rotate", round / 64);
  if (round % 64 == 0) {
    RSTMDB_ASSIGN(const RaceAnswer made, arena.ask("CREATE_INSTANCE", create_params(id, 1)));
    if (!made.error.empty()) return wrong("it cannot be made", {made});
  }
  const std::string pad(kRotatingBytes, 'x');
  RSTMDB_ASSIGN(const auto answers, arena.release([&](size_t client) {
    return Request("APPLY_EVENT", R"({"event":"next","instance_id":)" + id + R"(,"payload":{"t":)" +
                                      std::to_string(client + 1) + R"(,"pad":")" + pad + "\"}}");
  }));
  std::set<uint64_t> offsets;
  for (const RaceAnswer& answer : answers) offsets.insert(answer.offset);
  const bool dense = offsets.size() == answers.size() &&
                     *offsets.rbegin() - *offsets.begin() + 1 == answers.size();
  if (successes(answers) != answers.size() || !dense) return wrong("not all are placed", answers);
  const auto last = std::ranges::max_element(answers, {}, &RaceAnswer::offset);
  return shows(arena, id, *last, static_cast<uint64_t>(last - answers.begin()) + 1);
}

constexpr Race kRaces[] = {
    {"race.create", race_create},
    {"race.put_machine", race_put_machine},
    {"race.delete_create", race_delete_create},
    {"race.same_key", race_same_key},
    {"race.rotate", race_rotate},
    {"lin.cas_state", race_expected_state},
    {"lin.cas_offset", race_expected_offset},
};

}  // namespace

std::span<const Race> races() { return kRaces; }

}  // namespace rstmdb::lin
