#include "crash/facts.h"

#include "base/hash.h"

namespace rstmdb::crash {
namespace {

uint64_t facts(Kind kind, std::string_view instance_id, std::string_view from, std::string_view to,
               std::string_view context) {
  switch (kind) {
    case Kind::kPut:
    case Kind::kRemove:
      return 0;
    case Kind::kCreate:
      return hash64(to, hash64(instance_id));
    case Kind::kApply:
      return hash64(context, hash64(to, hash64(from)));
  }
  return 0;
}

}  // namespace

uint64_t view_of(std::string_view state, std::string_view context) {
  return hash64(context, hash64(state));
}

uint64_t facts_of(Kind kind, const WriteAnswer& answer) {
  return facts(kind, answer.instance_id, answer.from_state, answer.to_state, answer.context);
}

uint64_t facts_of(const LogRecord& record) {
  return facts(record.kind, record.instance_id, record.from_state, record.to_state, record.context);
}

}  // namespace rstmdb::crash
