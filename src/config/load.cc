// The part of reading the configuration that touches the system: the file itself, the secrets file,
// and what settings mean together.
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <iterator>

#include "base/host_port.h"
#include "config/keys.h"
#include "io/small_file.h"

namespace rstmdb::config {
namespace {

/// The file's content; a refusal names the key that led to the file.
Result<std::string> read_file(std::string_view key, const std::string& path, io::Readers readers) {
  auto content = io::read_small_file(path, limits::kConfigBytesMax, readers);
  if (!content) return std::move(content).error().with("key", key).with("line", int64_t{0});
  return content;
}

std::string_view trimmed(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  const size_t begin = line.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return "";
  return line.substr(begin, line.find_last_not_of(kSpace) - begin + 1);
}

/// One token a line; "#" begins a comment line.
Result<void> add_secrets(Config& config) {
  const std::string& path = config.auth.secrets_file;
  if (path.empty()) return {};
  constexpr std::string_view kName = "auth.secrets_file";
  RSTMDB_ASSIGN(const std::string content, read_file(kName, path, io::Readers::kOwnerOnly));
  const Key& hashes = *find_key("auth", "token_hashes");
  std::string_view rest = content;
  for (int64_t number = 1; !rest.empty(); ++number) {
    const size_t end = rest.find('\n');
    const std::string_view line = trimmed(rest.substr(0, end));
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    if (line.empty() || line.starts_with('#')) continue;
    const auto done = assign(hashes, config, line);
    if (!done)  // the line itself stays out of the message: it may be a token written in by mistake
      return Error(Code::kBadRequest,
                   path + ":" + std::to_string(number) + ": the line " + done.error().message())
          .with("key", kName)
          .with("file", path)
          .with("line", number);
  }
  return {};
}

Error contradiction(std::string_view key, const std::string& what) {
  return Error(Code::kBadRequest, std::string(key) + ": " + what).with("key", key);
}

/// Whether two doors would be at one address; with port 0 the system gives each its own.
bool same_place(const std::string& a, const std::string& b) {
  const auto parts = split_host_port(a);
  return a == b && !(parts && parts->port == 0);
}

Result<void> check_together(const Config& config) {
  if (config.auth.required && config.auth.tokens.empty() && config.auth.certificates.empty())
    return contradiction("auth.required",
                         "no token is known; give auth.token_hashes or auth.secrets_file");
  if (!config.auth.certificates.empty() && config.tls.client_ca_path.empty())
    return contradiction("auth.certificates", "needs tls.client_ca_path, or none can be verified");
  if (!config.auth.certificates.empty() && !config.tls.enabled)
    return contradiction("auth.certificates", "needs tls.enabled");
  if (!config.tls.client_crl_path.empty() && config.tls.client_ca_path.empty())
    return contradiction("tls.client_crl_path", "is given though tls.client_ca_path is not");
  if (config.tls.enabled && config.tls.cert_path.empty())
    return contradiction("tls.cert_path", "is missing though tls.enabled is true");
  if (config.tls.enabled && config.tls.key_path.empty())
    return contradiction("tls.key_path", "is missing though tls.enabled is true");
  if (config.tls.require_client_cert && config.tls.client_ca_path.empty())
    return contradiction("tls.client_ca_path", "is missing though tls.require_client_cert is true");
  if (config.tls.require_client_cert && !config.tls.enabled)
    return contradiction("tls.require_client_cert", "is true though tls.enabled is false");
  if (config.metrics.enabled && same_place(config.metrics.bind_addr, config.network.bind_addr))
    return contradiction("metrics.bind_addr", "is the same as network.bind_addr");
  if (config.http.enabled && same_place(config.http.bind_addr, config.network.bind_addr))
    return contradiction("http.bind_addr", "is the same as network.bind_addr");
  if (config.http.enabled && config.metrics.enabled &&
      same_place(config.http.bind_addr, config.metrics.bind_addr))
    return contradiction("http.bind_addr", "is the same as metrics.bind_addr");
  return {};
}

/// Whether only this machine can reach what listens there. A host name may stand for anything, so
/// only the one that is reserved for the purpose counts.
bool only_this_machine(std::string_view address) {
  const auto parts = split_host_port(address);
  if (!parts) return false;
  in_addr v4{};
  const bool is_v4 = ::inet_pton(AF_INET, parts->host.c_str(), &v4) == 1;
  return (is_v4 && (ntohl(v4.s_addr) >> 24) == 127) || parts->host == "::1" ||
         parts->host == "localhost";
}

void warn_of_open_door(const Config& config, const std::string& key, const std::string& address,
                       std::vector<std::string>& warnings) {
  if (only_this_machine(address)) return;
  if (!config.auth.required)
    warnings.push_back(
        key +
        ": OTHER MACHINES CAN CONNECT AND DO EVERYTHING, because auth.required is false; set it, "
        "or listen on 127.0.0.1");
  if (config.auth.required && !config.tls.enabled)
    warnings.push_back(
        key +
        ": OTHER MACHINES CAN CONNECT WITHOUT TLS, so tokens and data cross the network in the "
        "clear; set tls.enabled, or listen on 127.0.0.1");
}

std::vector<std::string> warnings_for(const Config& config) {
  std::vector<std::string> warnings;
  if (!config.compaction.enabled)
    warnings.push_back("compaction.enabled: false; the log grows until COMPACT is called");
  if (config.metrics.enabled && !only_this_machine(config.metrics.bind_addr))
    warnings.push_back("metrics.bind_addr: other machines can read metrics, which asks no token");
  warn_of_open_door(config, "network.bind_addr", config.network.bind_addr, warnings);
  if (config.http.enabled)
    warn_of_open_door(config, "http.bind_addr", config.http.bind_addr, warnings);
  if (config.storage.fsync_policy.kind == FsyncPolicy::Kind::kNever)
    warnings.push_back("storage.fsync_policy: never; a power cut loses acknowledged writes");
  return warnings;
}

/// Whether a variable with our prefix is somebody else's: the command line client's, or one that
/// Kubernetes sets for a service of this name.
bool is_meant_for_others(std::string_view variable) {
  constexpr std::string_view kOfTheClient[] = {"RSTMDB_SERVER",      "RSTMDB_TOKEN",
                                               "RSTMDB_TLS",         "RSTMDB_CA_CERT",
                                               "RSTMDB_CLIENT_CERT", "RSTMDB_CLIENT_KEY"};
  return std::ranges::find(kOfTheClient, variable) != std::end(kOfTheClient) ||
         variable == "RSTMDB_PORT" || variable.starts_with("RSTMDB_PORT_") ||
         variable.starts_with("RSTMDB_SERVICE_");
}

void warn_of_unknown_variables(const Environment& environment, std::vector<std::string>& warnings) {
  for (const auto& [name, value] : environment) {
    const bool known = !name.starts_with("RSTMDB_") || name == "RSTMDB_CONFIG" ||
                       std::ranges::find(keys(), name, &Key::variable) != keys().end();
    if (known || is_meant_for_others(name)) continue;
    const std::string nearest = nearest_variable(name);
    warnings.push_back(name + ": no setting is read from this variable" +
                       (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
  }
}

/// File, environment and secrets file, each value by itself.
Result<Loaded> read_all(const Sources& sources) {
  std::optional<std::string> path = sources.path;
  const auto named = sources.environment.find("RSTMDB_CONFIG");
  if (!path && named != sources.environment.end()) path = named->second;
  std::string text;
  if (path) {
    RSTMDB_ASSIGN(text, read_file("RSTMDB_CONFIG", *path, io::Readers::kAnyone));
  }
  RSTMDB_ASSIGN(Loaded loaded,
                read_settings(text, path.value_or("(no file)"), sources.environment));
  RSTMDB_TRY(add_secrets(loaded.config));
  return loaded;
}

}  // namespace

Result<Loaded> load(const Sources& sources) {
  RSTMDB_ASSIGN(Loaded loaded, read_all(sources));
  RSTMDB_TRY(check_together(loaded.config));
  loaded.warnings = warnings_for(loaded.config);
  warn_of_unknown_variables(sources.environment, loaded.warnings);
  return loaded;
}

Result<Reloaded> reload(const Config& running, const Sources& sources) {
  RSTMDB_ASSIGN(const Loaded now, read_all(sources));
  RSTMDB_TRY(check_together(now.config));
  Reloaded reloaded{running, {}, {}};
  for (const Key& key : keys()) {
    if (key.on_reload == Key::OnReload::kTaken) {
      copy_value(key, now.config, reloaded.config);
    } else if (show(key, running) != show(key, now.config)) {
      reloaded.need_restart.emplace_back(key.name);
    }
  }
  RSTMDB_TRY(check_together(reloaded.config));
  reloaded.warnings = warnings_for(reloaded.config);
  return reloaded;
}

}  // namespace rstmdb::config
