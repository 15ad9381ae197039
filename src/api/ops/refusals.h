// What several operations refuse in the same words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace rstmdb::api {

inline Error no_machine(std::string_view name) {
  return Error(Code::kMachineNotFound, "there is no machine \"" + std::string(name) + "\"")
      .with("machine", name);
}

inline Error no_version(std::string_view name, uint32_t version) {
  return Error(Code::kMachineNotFound, "there is no version " + std::to_string(version) +
                                           " of machine \"" + std::string(name) + "\"")
      .with("machine", name)
      .with("version", version);
}

inline Error no_instance(std::string_view id) {
  return Error(Code::kInstanceNotFound, "there is no instance \"" + std::string(id) + "\"")
      .with("instance_id", id);
}

}  // namespace rstmdb::api
