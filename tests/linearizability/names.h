// What the history's numbers are called in the protocol, and back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "json/document.h"
#include "linearizability/history.h"

namespace rstmdb::lin {

inline constexpr std::array<std::string_view, kGroups> kGroupNames = {"c0", "c1", "c2", "c3"};

std::string instance_name(uint32_t instance);
std::string machine_name(uint32_t machine);
std::string_view state_name(int8_t state);

/// The number behind a letter, of names like i7; 0 when it is none.
uint64_t numbered(std::string_view name, char letter);
/// The place of a state's name, or kNoState; of an event's, or one past the last.
int8_t state_of(std::string_view name);
uint8_t event_of(std::string_view name);

/// A context or payload; nullopt when it has a member that no write has set.
std::optional<Seen> read_seen(json::Value object);

}  // namespace rstmdb::lin
