#include "base/host_port.h"

#include <algorithm>
#include <charconv>

namespace rstmdb {
namespace {

constexpr size_t kHostBytesMax = 253;  // of a name in DNS

Error bad_address(std::string_view address, std::string_view why) {
  return Error(Code::kBadRequest, "not an address of the form host:port: " + std::string(why))
      .with("address", address);
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_';
}

bool is_ipv6_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' ||
         c == '.';
}

}  // namespace

Result<HostPort> split_host_port(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return bad_address(address, "the port is missing");
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);

  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return bad_address(address, "the bracket is not closed");
    host = host.substr(1, host.size() - 2);
    if (!host.contains(':') || !std::ranges::all_of(host, is_ipv6_character))
      return bad_address(address, "no IPv6 address stands between the brackets");
  } else if (host.contains(':')) {
    return bad_address(address, "an IPv6 address stands in brackets, as in [::1]:7401");
  } else if (!std::ranges::all_of(host, is_name_character)) {
    return bad_address(address, "the host has a character that no host has");
  }
  if (host.empty()) return bad_address(address, "the host is missing");
  if (host.size() > kHostBytesMax) return bad_address(address, "the host is too long");

  HostPort result{std::string(host), 0};
  const auto [end, failure] =
      std::from_chars(port.data(), port.data() + port.size(), result.port, 10);
  if (port.empty() || failure != std::errc() || end != port.data() + port.size())
    return bad_address(address, "the port is not a number from 0 to 65535");
  return result;
}

std::string join_host_port(std::string_view host, uint16_t port) {
  std::string address;
  const bool brackets = host.contains(':');
  if (brackets) address += '[';
  address += host;
  if (brackets) address += ']';
  return address + ':' + std::to_string(port);
}

}  // namespace rstmdb
