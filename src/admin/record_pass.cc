#include "admin/record_pass.h"

#include <string>

namespace rstmdb::admin {

Error bad_record(const log::LogReader& reader, uint64_t byte, log::Offset offset,
                 std::string_view code, std::string_view reason) {
  std::string text = reader.path() + ", byte " + std::to_string(byte) + ", record " +
                     std::to_string(offset) + ": ";
  text.append(reason);
  return Error(Code::kWalIoError, std::move(text))
      .with("code", code)
      .with("file", reader.path())
      .with("byte", static_cast<int64_t>(byte))
      .with("offset", static_cast<int64_t>(offset))
      .with("reason", reason);
}

Result<void> RecordPass::read_group(const log::LogReader& reader, const Visit& visit) {
  const uint64_t body_at = reader.group_at() + log::kGroupHeaderBytes;
  const auto damaged = [&](uint64_t at) {
    return bad_record(reader, body_at + at, reader.group().first_offset, "RECORD_DAMAGED",
                      "the checksum of its unit is wrong");
  };
  return log::for_each_unit(reader.group_body(), reader.group(), damaged,
                            [&](const log::Unit& unit, uint64_t at) {
                              return read_unit(reader, unit, body_at + at, visit);
                            });
}

Result<void> RecordPass::read_unit(const log::LogReader& reader, const log::Unit& unit,
                                   uint64_t byte, const Visit& visit) {
  const uint64_t data_at = byte + log::kUnitHeaderBytes;
  engine::RecordReader records(unit.bytes, chain_);
  if (!begun_ && unit.first_offset != known_) records.adopt_chain();
  begun_ = true;
  log::Offset offset = unit.first_offset;
  const log::Offset behind = unit.first_offset + unit.record_count;
  uint64_t at = data_at;
  while (!records.at_end()) {
    auto record = records.next();
    if (!record.ok()) {
      const Error& error = record.error();
      return bad_record(reader, data_at + static_cast<uint64_t>(error.detail_number("byte", 0)),
                        offset, error.detail("code"), error.detail("reason"));
    }
    if (record->offset != offset || offset == behind)
      return bad_record(reader, at, offset, "RECORD_DAMAGED", "it has another offset than due");
    RSTMDB_TRY(visit(*record, at));
    at = data_at + records.position();
    ++offset;
  }
  if (offset == behind) return {};
  return bad_record(reader, byte, offset, "RECORD_DAMAGED", "its unit has fewer records than due");
}

}  // namespace rstmdb::admin
