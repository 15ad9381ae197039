#include <algorithm>
#include <optional>

#include "api/ops/features.h"
#include "api/ops/names.h"
#include "api/ops/ops.h"
#include "wire/frame.h"

namespace rstmdb::api {
namespace {

using P = params::HelloParam;

constexpr std::string_view kBinary = "binary_json";
constexpr std::string_view kLines = "jsonl";

/// The first mode in the caller's order that this connection can have: a binary one can become
/// jsonl, a jsonl one stays. Naming none is no preference; naming only unknown ones is a mistake.
Result<std::string_view> choose_mode(const Caller& caller, json::Value wanted) {
  const std::string_view now = caller.speaks_jsonl ? kLines : kBinary;
  std::optional<std::string_view> chosen;
  bool named = false;
  each_name(wanted, [&](std::string_view mode) {
    named = true;
    if (chosen || (mode != kLines && mode != kBinary)) return;
    chosen = caller.speaks_jsonl ? kLines : mode;
  });
  if (!named) return now;
  if (chosen) return *chosen;
  return Error(Code::kUnsupportedProtocol, "wire_modes names none of binary_json and jsonl")
      .with("path", "wire_modes");
}

}  // namespace

Result<DependsOn> hello(const Context& context, const Params& params, json::Writer& result) {
  if (params.number(P::kProtocolVersion) != wire::kProtocolVersion) {
    return Error(Code::kUnsupportedProtocol, "this server speaks protocol version 1 only")
        .with("path", "protocol_version")
        .with("supported", static_cast<int64_t>(wire::kProtocolVersion));
  }
  RSTMDB_ASSIGN(const std::string_view mode,
                choose_mode(context.caller, params.value(P::kWireModes)));
  context.caller.wants_jsonl = mode == kLines;

  result.member("protocol_version", static_cast<uint64_t>(wire::kProtocolVersion))
      .member("wire_mode", mode)
      .member("server_name", "rstmdb")
      .member("server_version", std::string_view(context.facts.version))
      .key("features")
      .open_array();
  const json::Value wanted = params.value(P::kFeatures);
  for (const std::string_view feature : kFeatures) {
    bool listed = !wanted || (wanted.is_array() && wanted.size() == 0);
    each_name(wanted, [&](std::string_view name) { listed = listed || name == feature; });
    if (listed) result.value(feature);
  }
  result.close_array();
  // Writes asked for before a switch are answered before it. They have been when the log has
  // stopped.
  const bool switches = context.caller.wants_jsonl && !context.caller.speaks_jsonl;
  const bool waits = switches && !context.node.gate().failed();
  return DependsOn{waits ? context.node.head() : 0};
}

}  // namespace rstmdb::api
