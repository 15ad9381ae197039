// Operations to requests: the JSON of the parameters, whether the call may be repeated, and which
// instance it belongs to.
#pragma once

#include <optional>
#include <string>

#include "call.h"
#include "rstmdb/types.h"

namespace rstmdb::client {

/// A request before it has an id and a connection.
struct Request {
  std::string tail;  // `"op":"PING","params":{}}`, see Call
  Repeat repeat = Repeat::kNever;
  std::string instance_id;  // "" = any connection will do
};

/// Whether writes without an idempotency key are given one.
enum class Keys : uint8_t { kMake, kLeave };

/// All fail with kArgument (detail `field`) where the request could not even be framed: text that
/// is no UTF-8, JSON that is none, more than the protocol's frame. Everything else is the server's
/// to judge.
Result<Request> encode_plain(std::string_view op, Repeat repeat);
Result<Request> encode(const PutMachine& put);
Result<Request> encode_get_machine(std::string_view machine, uint32_t version);
Result<Request> encode(const Page& page);
Result<Request> encode(const CreateInstance& create, Keys keys);
Result<Request> encode_instance(std::string_view op, std::string_view instance_id, Repeat repeat);
Result<Request> encode(const ListInstances& list);
Result<Request> encode_count_instances(std::string_view machine, uint32_t version);
Result<Request> encode(const GetHistory& get);
Result<Request> encode(const ApplyEvent& event, Keys keys);
Result<Request> encode(const DeleteInstance& remove, Keys keys);
Result<Request> encode(const Batch& batch, Keys keys);
Result<Request> encode_wal_read(uint64_t from_offset, uint64_t limit);
Result<Request> encode(CompactMode mode);
Result<Request> encode(const WatchInstance& watch);
Result<Request> encode(const WatchAll& watch);
Result<Request> encode_unwatch(std::string_view subscription_id);
Result<Request> encode_raw(std::string_view op, std::string_view params);

}  // namespace rstmdb::client
