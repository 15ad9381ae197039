// The machine that the load drives, and what its transitions and the payload merge mean, written
// apart from the engine so that one mistake cannot hide in both.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json/document.h"

namespace rstmdb::crash {

inline constexpr std::string_view kStates[] = {"a", "b", "c"};
inline constexpr std::string_view kEvents[] = {"next", "jump", "back"};
inline constexpr std::string_view kInitialState = "a";

/// The machine's definition, with `tag` in its meta so that two registrations differ.
std::string definition_text(uint64_t tag);

/// Where `event` leads from `state` when the context's member n is `n` (nullopt: it has none);
/// nullopt when the machine refuses it.
std::optional<std::string_view> next_state(std::string_view state, std::string_view event,
                                           std::optional<int64_t> n);

/// An object's members in order, values as JSON text.
class Members {
 public:
  Members() = default;
  explicit Members(json::Value object);

  /// Shallow merge: known members keep their place and get the new value, others come last.
  void merge(json::Value patch);
  std::string text() const;
  /// The integer in member `key`, or nullopt.
  std::optional<int64_t> number(std::string_view key) const;
  /// How long the value of member `key` is as text; 0 when there is none.
  size_t size_of(std::string_view key) const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace rstmdb::crash
