// The table of keys: name, environment variable, bounds and place in Config of each. File,
// environment, --print-config and the test of the documentation all go by it.
#pragma once

#include <span>
#include <variant>

#include "config/config.h"

namespace rstmdb::config {

struct Key {
  using Place = std::variant<std::string*, bool*, uint64_t*, FsyncPolicy*, std::vector<TokenEntry>*,
                             std::vector<CertificateEntry>*, Level*, LogFormat*, OnLogFailure*>;
  /// Why a text is refused, or "".
  using Refusal = std::string (*)(std::string_view text);

  std::string_view name;      // "section.key"
  std::string_view variable;  // "" when the environment does not have it
  Place (*place)(Config&);
  uint64_t least = 0;  // of numbers
  uint64_t most = 0;
  Refusal refusal = nullptr;  // of texts
  enum class OnReload : uint8_t { kNeedsRestart, kTaken };
  OnReload on_reload = OnReload::kNeedsRestart;

  std::string_view section() const { return name.substr(0, name.find('.')); }
  std::string_view own_name() const { return name.substr(name.find('.') + 1); }
};

std::span<const Key> keys();

/// The key of that name, or nullptr.
const Key* find_key(std::string_view section, std::string_view own_name);
bool is_section(std::string_view name);

/// The known name that `name` was most likely meant to be, or "": a section when `section` is "",
/// else a key, with its section when it is another one's.
std::string nearest_name(std::string_view section, std::string_view name);
/// The variable of a key that `name` was most likely meant to be, or "".
std::string nearest_variable(std::string_view name);

/// Sets the key's value from its text form, as the environment has it; a list gets one more
/// element. Fails with the reason alone; the caller knows the place.
Result<void> assign(const Key& key, Config& config, std::string_view text);

/// Puts the key's value of `from` into `to`.
void copy_value(const Key& key, const Config& from, Config& to);

/// The value as it would be written. Of tokens and certificates only the number.
std::string show(const Key& key, const Config& config);

}  // namespace rstmdb::config
