// The server program: settings, the system's world, a database, signals.

#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "app/arguments.h"
#include "app/database.h"
#include "app/service.h"
#include "base/limits.h"
#include "base/logging.h"
#include "base/out_of_memory.h"
#include "io/asio_loop.h"
#include "io/memory.h"
#include "io/open_files.h"
#include "io/tcp_net.h"
#include "io/thread_worker.h"

extern char** environ;

namespace rstmdb::app {
namespace {

config::Environment environment() {
  config::Environment variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

/// Written beside and renamed, so that whoever waits for the file never reads half of it.
bool write_port_file(const std::string& path, const std::string& address) {
  const std::string beside = path + ".new";
  std::ofstream out(beside);
  out << address.substr(address.rfind(':') + 1) << '\n';
  out.close();
  std::error_code failed;
  if (out) std::filesystem::rename(beside, path, failed);
  return out && !failed;
}

int fail(std::string_view what, const Error& error) {
  log_line(Level::kError, what, {{"error", error.to_string()}});
  return 1;
}

int print_settings(const config::Sources& sources) {
  const auto loaded = config::load(sources);
  if (!loaded.ok()) return fail("the configuration was refused", loaded.error());
  for (const config::Setting& setting : loaded->settings) {
    std::printf("%-32s %-24s # %s\n", setting.key.c_str(), setting.value.c_str(),
                setting.origin.c_str());
  }
  return 0;
}

/// The settings of a start. Log lines follow them from here on.
Result<config::Config> read_settings(const config::Sources& sources) {
  RSTMDB_ASSIGN(config::Loaded loaded, config::load(sources));
  set_logging(loaded.config.logging.level, loaded.config.logging.format);
  for (const std::string& warning : loaded.warnings) log_line(Level::kWarn, warning);
  return std::move(loaded.config);
}

/// A server that has as many connections as it is told to take must be able to open its files.
void warn_of_few_open_files(const config::Config& config, uint64_t allowed) {
  uint64_t needed =
      limits::kFilesBesideConnections + config.network.max_connections + limits::kRefusalsMax;
  if (config.http.enabled) needed += limits::kHttpGatewayConnectionsMax;
  if (config.metrics.enabled) needed += limits::kHttpConnectionsMax;
  if (needed <= allowed) return;
  log_line(Level::kWarn,
           "the process may not open as many files as all its connections and its log could need",
           {{"allowed", allowed}, {"needed", needed}});
}

/// Without a socket when none is asked for, and when the one asked for is none.
Service::Options service_options(io::Loop& loop) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const ServiceRequest request =
      read_service_request(variable("NOTIFY_SOCKET"), variable("WATCHDOG_USEC"),
                           variable("WATCHDOG_PID"), static_cast<int64_t>(::getpid()));
  Service::Options options{.loop = loop,
                           .clock = io::system_clock(),
                           .socket = nullptr,
                           .watchdog_ms = request.watchdog_ms};
  if (request.socket_address.empty()) return options;
  auto socket = io::open_service_socket(request.socket_address);
  if (socket.ok()) {
    options.socket = std::move(*socket);
  } else {
    log_line(Level::kWarn, "the service manager cannot be told anything",
             {{"error", socket.error().to_string()}});
  }
  return options;
}

/// SIGHUP: what can change while the server runs changes, or nothing does.
void reload(Database& database, config::Config& running, const config::Sources& sources) {
  auto read = config::reload(running, sources);
  if (!read.ok()) {
    fail("the configuration was refused; the server goes on with the old one", read.error());
    return;
  }
  for (const std::string& key : read->need_restart)
    log_line(Level::kWarn, "a changed setting needs a restart", {{"key", key}});
  for (const std::string& warning : read->warnings) log_line(Level::kWarn, warning);
  const auto taken = database.reload(read->config);
  if (!taken.ok()) {
    fail("the configuration was refused; the server goes on with the old one", taken.error());
    return;
  }
  running = std::move(read->config);
  set_logging(running.logging.level, running.logging.format);
  log_line(Level::kInfo, "the configuration was reloaded");
}

int serve(const Arguments& arguments, const config::Sources& sources, uint64_t files_allowed) {
  io::AsioLoop loop;
  // Caught from before the settings are read, and answered when the loop runs: who has taken a
  // token out and says so while a long start goes on must not find it in use afterwards.
  std::function<void()> on_hangup;
  loop.on_signal({SIGHUP}, [&on_hangup](int) { on_hangup(); });
  auto settings = read_settings(sources);
  if (!settings.ok()) return fail("the configuration was refused", settings.error());
  config::Config config = std::move(*settings);
  warn_of_few_open_files(config, files_allowed);
  Service service(service_options(loop));
  io::ThreadWorker worker(loop);
  io::ThreadWorker handshakes(loop);
  io::ThreadWorker background(loop, io::ThreadWorker::Priority::kBackground);
  io::TcpNet net(loop);
  Database* running = nullptr;
  int exit_code = 0;
  bool stopping = false;
  const auto stop = [&] {
    if (stopping) return;
    stopping = true;
    log_line(Level::kInfo, "stopping");
    service.stopping();
    running->stop([&](const Result<void>& closed) {
      if (!closed.ok()) exit_code = fail("the log could not be closed", closed.error());
      loop.stop();
    });
  };
  auto opened =
      Database::open({.loop = loop,
                      .worker = worker,
                      .handshakes = handshakes,
                      .background = background,
                      .net = net,
                      .files = io::system_file_system(),
                      .clock = io::system_clock(),
                      .random = io::system_random(),
                      .memory = &io::system_memory(),
                      .ahead = io::Ahead::kThread},
                     config, stop, [&](const std::string& status) { service.starting(status); });
  if (!opened.ok()) return fail("the server could not start", opened.error());
  Database& database = **opened;
  running = &database;
  loop.on_signal({SIGTERM, SIGINT}, [&](int) { stop(); });
  on_hangup = [&] {
    if (stopping) return;
    service.reloading();
    reload(database, config, sources);
    service.ready("serving " + database.address());
  };
  if (!arguments.port_file.empty() && !write_port_file(arguments.port_file, database.address())) {
    log_line(Level::kError, "the port file could not be written", {{"file", arguments.port_file}});
    return 1;
  }
  log_line(
      Level::kInfo, "listening",
      {{"address", database.address()}, {"http", database.http_address()}, {"version", version()}});
  service.ready("serving " + database.address());
  loop.run();
  if (exit_code == 0) log_line(Level::kInfo, "stopped");
  return exit_code;
}

int run(int argc, char** argv) {
  end_when_out_of_memory();
  const Parsed parsed = parse_arguments(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  // Whatever the server makes is for its own user only.
  ::umask(077);
  // A limit on the size of files makes a write fail; the log then stops as for a full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  const uint64_t files_allowed = io::allow_many_open_files();
  if (parsed.arguments.admin) return run_admin(*parsed.arguments.admin);
  const config::Sources sources{.path = parsed.arguments.config_path, .environment = environment()};
  if (parsed.arguments.print_config) return print_settings(sources);
  return serve(parsed.arguments, sources, files_allowed);
}

}  // namespace
}  // namespace rstmdb::app

int main(int argc, char** argv) { return rstmdb::app::run(argc, argv); }
