#include "http/site.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>

namespace rstmdb::http {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// "::1" of "[::1]:8080", "a" of "a:8080" and of "a".
std::string_view without_port(std::string_view host) {
  if (!host.starts_with('[')) return host.substr(0, host.find(':'));
  const size_t end = host.find(']');
  return end == std::string_view::npos ? host : host.substr(1, end - 1);
}

bool is_address(std::string_view host) {
  const std::string text(host);
  in_addr v4{};
  in6_addr v6{};
  return ::inet_pton(AF_INET, text.c_str(), &v4) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &v6) == 1;
}

}  // namespace

bool comes_from_elsewhere(const Request& request) {
  if (!request.origin) return false;
  constexpr std::string_view kBehindScheme = "://";
  const size_t scheme = request.origin->find(kBehindScheme);
  if (scheme == std::string_view::npos) return true;  // "null", and what is none
  return !same_name(request.origin->substr(scheme + kBehindScheme.size()), request.host);
}

bool names_us(const Request& request, std::string_view own_host) {
  if (request.host.empty()) return request.http_1_0;
  const std::string_view host = without_port(request.host);
  return is_address(host) || same_name(host, "localhost") || same_name(host, own_host);
}

}  // namespace rstmdb::http
