// Files that are part of the program: the console's page, its scripts and styles. The table is
// filled by a build with RSTMDB_CONSOLE=ON, and empty otherwise.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "http/request.h"
#include "http/response.h"

namespace rstmdb::http {

struct Asset {
  std::string_view path;          // "/assets/index-4f3a.js"; "/" for the page
  std::string_view content_type;  // "text/javascript; charset=utf-8"
  std::string_view etag;          // with its quotes; of the plain bytes
  std::string_view plain;
  std::string_view gzip;  // empty when it would not be shorter
  /// The name changes with the content, so whoever has it never has to ask again.
  enum class Life : uint8_t { kAskAgain, kForever } life = Life::kAskAgain;
};

/// Those of this build: defined in console/, or in app/no_console.cc.
std::span<const Asset> console_assets();

const Asset* find_asset(std::span<const Asset> assets, std::string_view path);

/// The asset, packed if the client takes that, or 304 when the client has it.
Response asset_response(const Asset& asset, const Request& request);

/// Whether a list of an Accept-Encoding takes gzip: "gzip", "br, gzip;q=0.5", "*", not
/// "gzip;q=0".
bool takes_gzip(std::string_view accept_encoding);

/// Whether an If-None-Match names `etag`: "*", or a list that has it, weak or strong.
bool names_tag(std::string_view if_none_match, std::string_view etag);

}  // namespace rstmdb::http
