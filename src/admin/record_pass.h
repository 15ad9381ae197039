// Decodes the records of a log in order, from its groups, and says where a bad one stands.
#pragma once

#include <functional>

#include "engine/record.h"
#include "log/log_reader.h"

namespace rstmdb::admin {

/// kWalIoError with details code (RECORD_DAMAGED or RECORD_UNKNOWN_FORMAT), file, byte, offset.
Error bad_record(const log::LogReader& reader, uint64_t byte, log::Offset offset,
                 std::string_view code, std::string_view reason);

/// One thread.
class RecordPass {
 public:
  /// The record at `known` must have the link `chain`; of a log that begins elsewhere the first
  /// record is believed.
  explicit RecordPass(log::Offset known = 1, engine::ChainHash chain = {})
      : known_(known), chain_(chain) {}

  /// `record` stands at `byte` of the reader's file; its texts are valid for the call.
  using Visit = std::function<Result<void>(const engine::Record& record, uint64_t byte)>;

  /// The records of the group that `reader` has just stepped over. Each must follow the one before
  /// it.
  Result<void> read_group(const log::LogReader& reader, const Visit& visit);
  /// Believes the next record's link to the one before it again: for a log read on behind damage.
  void start_over() { begun_ = false; }

  /// The link that the next record must have.
  engine::ChainHash chain() const { return chain_; }

 private:
  Result<void> read_unit(const log::LogReader& reader, const log::Unit& unit, uint64_t byte,
                         const Visit& visit);
  log::Offset known_;
  engine::ChainHash chain_;
  bool begun_ = false;
};

}  // namespace rstmdb::admin
