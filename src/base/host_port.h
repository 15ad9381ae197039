// Addresses as people write them: "127.0.0.1:7401", "db.example:7401", "[::1]:7401".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rstmdb {

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
};

/// Takes `address` apart without resolving anything. An IPv6 host needs its brackets, else the
/// port could not be told from the last group. Fails with kBadRequest (details: address) when host
/// or port is missing, the host has a character that no name or address has, or the port is not a
/// plain decimal number up to 65535.
Result<HostPort> split_host_port(std::string_view address);

/// The reverse: brackets are put around a host that has a colon.
std::string join_host_port(std::string_view host, uint16_t port);

}  // namespace rstmdb
