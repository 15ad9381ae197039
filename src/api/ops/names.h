// Parameters that hold names.
#pragma once

#include "json/document.h"

namespace rstmdb::api {

/// Calls `use` with each name of a parameter that is one name or an array of names, or absent.
template <class Use>
void each_name(json::Value names, const Use& use) {
  if (names.is_string()) return use(names.string());
  if (!names.is_array()) return;
  for (json::Value name = names.first(); name; name = name.next()) use(name.string());
}

}  // namespace rstmdb::api
