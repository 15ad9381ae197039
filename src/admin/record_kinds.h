// The kinds of records by the names that WAL_READ gives them.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "engine/record.h"

namespace rstmdb::admin {

/// By the number of the kind; "" where there is none.
inline constexpr std::array<std::string_view, 7> kRecordKindNames = {
    "",          "put_machine", "create_instance", "apply_event", "delete_instance",
    "flush_all", "snapshot"};

inline std::string_view record_kind_name(engine::RecordKind kind) {
  const auto number = static_cast<size_t>(kind);
  return number < kRecordKindNames.size() ? kRecordKindNames[number] : "";
}

inline std::optional<engine::RecordKind> record_kind_of(std::string_view name) {
  for (size_t number = 1; number < kRecordKindNames.size(); ++number)
    if (kRecordKindNames[number] == name) return static_cast<engine::RecordKind>(number);
  return std::nullopt;
}

}  // namespace rstmdb::admin
