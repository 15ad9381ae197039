#include "bench/engine/population.h"

#include <cstdio>

#include "base/check.h"
#include "base/uuid.h"

namespace rstmdb::bench {
namespace {

constexpr const char* kDefinition = R"({"states":["created","paid","packed","sent"],
    "initial":"created","transitions":[
        {"from":"created","event":"NEXT","to":"paid"},{"from":"paid","event":"NEXT","to":"packed"},
        {"from":"packed","event":"NEXT","to":"sent"},
        {"from":"sent","event":"NEXT","to":"created"}]})";

/// {"n":1000000,"rest":"xxx…"}: an event replaces n by as long a number.
std::string context_of(size_t bytes) {
  std::string context = R"({"n":1000000,"rest":")";
  context.append(bytes - context.size() - 2, 'x');
  return context + "\"}";
}

}  // namespace

Population::Population(const Shape& shape)
    : shape_(shape),
      bounds_{.machine_versions_max = 10, .key_ttl_ms = 1, .keys_max = 1, .keys_bytes_max = 1},
      context_(context_of(shape.context_bytes)) {
  json::Document document;
  RSTMDB_CHECK(document.parse(kDefinition).ok(), "the definition is JSON");
  definition_ = engine::Definition::parse(document.root()).value();
  engine::PutMachine put;
  put.machine = "order";
  put.version = 1;
  put.definition = &definition_;
  RSTMDB_CHECK(decider().decide(put).ok(), "the machine is taken");
  commit();
}

std::string Population::id(uint64_t number) const {
  if (shape_.ids == "uuid")
    return uuid_v7(static_cast<int64_t>(1'700'000'000'000 + number), number * 0x9e3779b97f4a7c15u,
                   number * 0xc2b2ae3d27d4eb4fu);
  std::string id = "i-00000000";
  for (size_t at = id.size(); number > 0; number /= 10)
    id[--at] = static_cast<char>('0' + number % 10);
  return id;
}

void Population::create(std::string_view id) {
  engine::CreateInstance command;
  command.machine = "order";
  command.version = 1;
  command.instance_id = id;
  command.context = context_;
  RSTMDB_CHECK(decider().decide(command).ok(), id);
  commit();
}

void Population::apply(std::string_view id) {
  char payload[32];
  std::snprintf(payload, sizeof payload, R"({"n":%07llu})",
                static_cast<unsigned long long>(1'000'000 + events_++ % 9'000'000));
  engine::ApplyEvent command;
  command.instance_id = id;
  command.event = "NEXT";
  command.payload = payload;
  RSTMDB_CHECK(decider().decide(command).ok(), id);
  commit();
}

void Population::commit() {
  unit_.clear();
  for (const engine::Record& record : draft_.records())
    engine::append_record(unit_, record, chain_);
  for (const engine::Record& record : draft_.records()) state_.apply(record);
  draft_.clear();
  stamp_.now_ms += 1;
}

uint64_t Population::text_bytes() const {
  uint64_t bytes = 0;
  for (engine::Slot slot = 0; slot < state_.instances().size(); ++slot) {
    const engine::Instance& instance = state_.instances().at(slot);
    bytes += instance.id().size() + instance.context().size();
  }
  return bytes;
}

}  // namespace rstmdb::bench
