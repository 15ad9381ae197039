// What the client's methods give, as JSON with the names of the wire: the adapter's answers. Only
// the client's public interface is used, so a member that it does not give is missing here too.
#pragma once

#include <string>

#include "rstmdb/client.h"

namespace rstmdb::conformance {

std::string to_json(const client::ServerFacts& facts);
std::string to_json(const client::MachineStored& stored);
std::string to_json(const client::Machine& machine);
std::string to_json(const client::MachinePage& page);
std::string to_json(const client::InstanceCreated& created);
std::string to_json(const client::Instance& instance);
std::string to_json(const client::InstancePage& page);
std::string to_json(const client::InstanceCounts& counts);
std::string to_json(const client::History& history);
std::string to_json(const client::EventApplied& applied);
std::string to_json(const client::InstanceDeleted& deleted);
std::string to_json(const client::BatchDone& done);
std::string to_json(const client::Flushed& flushed);
std::string to_json(const client::LogPage& page);
std::string to_json(const client::LogStats& stats);
std::string to_json(const client::Snapshot& snapshot);
std::string to_json(const client::Compacted& compacted);
std::string to_json(const client::Notification& notification);
std::string to_json(const client::Error& error);

/// Members of an object in the order in which they are added.
class Members {
 public:
  Members& json(std::string_view key, std::string_view value);
  Members& text(std::string_view key, std::string_view value);
  Members& number(std::string_view key, int64_t value);
  Members& flag(std::string_view key, bool value);
  std::string object() const { return "{" + out_ + "}"; }

 private:
  std::string out_;
};

}  // namespace rstmdb::conformance
