#include "http/assets.h"

#include <algorithm>

namespace rstmdb::http {
namespace {

constexpr std::string_view kPolicy =
    "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
constexpr std::string_view kSpace = " \t";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Takes the next element off a list with commas.
std::string_view take_element(std::string_view& list) {
  const size_t end = list.find(',');
  const std::string_view element = trimmed(list.substr(0, end));
  list = end == std::string_view::npos ? "" : list.substr(end + 1);
  return element;
}

/// Whether the parameters of a coding ("q=0.000") forbid it.
bool is_refused(std::string_view params) {
  params = trimmed(params);
  if (!params.starts_with("q=") && !params.starts_with("Q=")) return false;
  const std::string_view value = trimmed(params.substr(2));
  return !value.empty() && value.find_first_not_of("0.") == std::string_view::npos;
}

}  // namespace

const Asset* find_asset(std::span<const Asset> assets, std::string_view path) {
  const auto found = std::ranges::find(assets, path, &Asset::path);
  return found == assets.end() ? nullptr : &*found;
}

bool takes_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const std::string_view element = take_element(accept_encoding);
    const size_t semicolon = element.find(';');
    const std::string_view coding = trimmed(element.substr(0, semicolon));
    const bool refused =
        semicolon != std::string_view::npos && is_refused(element.substr(semicolon + 1));
    if (coding == "gzip" || coding == "x-gzip") return !refused;
    if (coding == "*") any = !refused;
  }
  return any;
}

bool names_tag(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    std::string_view tag = take_element(if_none_match);
    if (tag == "*") return true;
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag) return true;
  }
  return false;
}

Response asset_response(const Asset& asset, const Request& request) {
  const bool forever = asset.life == Asset::Life::kForever;
  Response response{.content_type = asset.content_type,
                    .cache_control = forever ? "public, max-age=31536000, immutable" : "no-cache"};
  response.with("Content-Security-Policy", kPolicy).with("Referrer-Policy", "no-referrer");
  // Packed or not, it is another representation with another tag.
  const bool packed = !asset.gzip.empty() && takes_gzip(request.accept_encoding.value_or(""));
  std::string tag(asset.etag);
  if (packed) tag.insert(tag.size() - 1, "-gzip");
  response.with("ETag", tag).with("Vary", "Accept-Encoding");
  if (request.if_none_match && names_tag(*request.if_none_match, tag)) {
    response.status = 304;
    response.content_type = {};
    return response;
  }
  if (packed) response.with("Content-Encoding", "gzip");
  response.body = packed ? asset.gzip : asset.plain;
  return response;
}

}  // namespace rstmdb::http
