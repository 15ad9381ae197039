// The only file that knows CLI11.
#include "arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "base/host_port.h"
#include "rstmdb/client.h"

namespace rstmdb::cli {
namespace {

constexpr uint16_t kDefaultPort = 7401;
constexpr const char* kFooter =
    "Without a command: a prompt (help lists the commands there).\n\n"
    "JSON values are given inline, as @FILE, or as - for standard input.\n\n"
    "Exit codes: 0 done; 1 the server refused; 2 the command line or an input is wrong;\n"
    "            3 no connection; 4 no answer in time; 5 not an rstmdb server's answer;\n"
    "            6 done, but standard output does not take the result.";

/// What CLI11 writes into while it parses.
struct Raw {
  std::string server = "127.0.0.1:7401";
  std::string token;
  std::string tls_flag;
  client::TlsOptions tls;
  std::string wire = "binary";
  double timeout_seconds = 30;
  bool tls_on = false;
  bool json = false;
  bool verbose = false;
  Invocation invocation;
};

/// Names by position are upper case in the table, as the help shows them.
bool is_positional(std::string_view flags) { return !flags.starts_with('-'); }

void add_value(CLI::App& sub, const OptionSpec& spec, Invocation& into) {
  const std::string param(spec.param);
  const std::string flags(spec.flags);
  const std::string doc(spec.doc);
  CLI::Option* option = nullptr;
  if (spec.kind == Kind::kTrue || spec.kind == Kind::kFalse) {
    sub.add_flag_callback(flags, [&into, param] { into.values[param] = {""}; }, doc);
    return;
  }
  if (spec.kind == Kind::kNames) {
    option = sub.add_option_function<std::vector<std::string>>(
        flags, [&into, param](const std::vector<std::string>& all) { into.values[param] = all; },
        doc);
    option->delimiter(',');
  } else {
    option = sub.add_option_function<std::string>(
        flags, [&into, param](const std::string& one) { into.values[param] = {one}; }, doc);
  }
  if (spec.kind == Kind::kNumber) {
    option->check(CLI::Validator(
        [](const std::string& text) {
          const bool digits =
              !text.empty() && text.size() <= 16 &&
              std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
          return digits ? std::string() : "\"" + text + "\" is not a whole number";
        },
        "NUMBER"));
  }
  if (spec.param == "format") option->check(CLI::IsMember({"mermaid", "dot"}));
  option->required(spec.need == Need::kRequired);
  if (is_positional(spec.flags)) option->type_name("");
}

void add_commands(CLI::App& app, Invocation& into) {
  for (const CommandSpec& spec : command_table()) {
    CLI::App* const sub = app.add_subcommand(std::string(spec.name), std::string(spec.summary));
    sub->fallthrough();
    for (const OptionSpec& option : spec.options) add_value(*sub, option, into);
    sub->callback([&into, &spec] { into.command = &spec; });
  }
  app.require_subcommand(0, 1);
}

void add_globals(CLI::App& app, Raw& raw) {
  app.add_option("-s,--server", raw.server, "The server")
      ->envname("RSTMDB_SERVER")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  app.add_option("-t,--token", raw.token, "Bearer token")
      ->envname("RSTMDB_TOKEN")
      ->type_name("TOKEN");
  app.add_flag("--tls", raw.tls_on, "Use TLS")->envname("RSTMDB_TLS");
  app.add_option("--ca-cert", raw.tls.ca_cert, "Certificates to trust (PEM); TLS")
      ->envname("RSTMDB_CA_CERT")
      ->type_name("FILE");
  app.add_option("--client-cert", raw.tls.client_cert, "Own certificate (PEM); TLS")
      ->envname("RSTMDB_CLIENT_CERT")
      ->type_name("FILE");
  app.add_option("--client-key", raw.tls.client_key, "Own key (PEM); TLS")
      ->envname("RSTMDB_CLIENT_KEY")
      ->type_name("FILE");
  app.add_flag("-k,--insecure", raw.tls.insecure, "Accept any certificate; TLS");
  app.add_option("--server-name", raw.tls.server_name, "Name in the server's certificate; TLS")
      ->type_name("NAME");
  app.add_option("--wire-mode", raw.wire, "Form of the messages")
      ->check(CLI::IsMember({"binary", "jsonl"}))
      ->capture_default_str();
  app.add_option("--timeout", raw.timeout_seconds, "Seconds until an answer must be there")
      ->check(CLI::Range(0.001, 86400.0))
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_flag("--json", raw.json, "Print the result as JSON, exactly as it came");
  app.add_flag("-v,--verbose", raw.verbose, "Show requests and answers on standard error");
  app.set_version_flag("--version", std::string(client::library_version()));
}

std::optional<HostPort> server_of(const std::string& text) {
  auto whole = split_host_port(text);
  if (!whole.ok()) whole = split_host_port(text + ":" + std::to_string(kDefaultPort));
  if (!whole.ok() || whole->port == 0) return std::nullopt;
  return std::move(whole).value();
}

std::variant<Arguments, int> finish(Raw& raw) {
  const auto server = server_of(raw.server);
  if (!server) {
    std::cerr << "error: --server: \"" << raw.server << "\" is not HOST:PORT\n";
    return kExitUsage;
  }
  Arguments made;
  client::Options& options = made.globals.server;
  options.host = server->host;
  options.port = server->port;
  options.token = raw.token;
  options.client_name = "rstmdb-cli";
  options.wire = raw.wire == "jsonl" ? client::Wire::kJsonl : client::Wire::kBinary;
  options.request_timeout =
      std::chrono::milliseconds(std::max<int64_t>(1, int64_t(raw.timeout_seconds * 1000)));
  options.connect_timeout = std::min(options.connect_timeout, options.request_timeout);
  options.reconnect.attempts = 3;
  const bool wants_tls = raw.tls_on || raw.tls.insecure || !raw.tls.ca_cert.empty() ||
                         !raw.tls.client_cert.empty() || !raw.tls.client_key.empty() ||
                         !raw.tls.server_name.empty();
  if (wants_tls) options.tls = raw.tls;
  made.globals.form = raw.json ? Form::kJson : Form::kHuman;
  made.globals.talk = raw.verbose ? Talk::kVerbose : Talk::kQuiet;
  made.invocation = std::move(raw.invocation);
  return made;
}

}  // namespace

std::optional<std::string> Invocation::value(std::string_view param) const {
  const auto found = values.find(std::string(param));
  if (found == values.end() || found->second.empty()) return std::nullopt;
  return found->second.front();
}

std::variant<Arguments, int> parse_arguments(int argc, char** argv) {
  Raw raw;
  CLI::App app("Talks to an rstmdb server.", "rstmdb-cli");
  app.footer(kFooter);
  add_globals(app, raw);
  add_commands(app, raw.invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    return app.exit(done);  // --help and --version
  } catch (const CLI::ParseError& error) {
    std::cerr << "error: " << error.what() << "\nTry rstmdb-cli --help.\n";
    return kExitUsage;
  }
  return finish(raw);
}

std::variant<Invocation, std::string> parse_words(const std::vector<std::string>& words) {
  Invocation invocation;
  CLI::App app("", "");
  app.set_help_flag();
  add_commands(app, invocation);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    return "help COMMAND shows the options of a command";
  } catch (const CLI::ParseError& error) {
    return std::string(error.what());
  }
  return invocation;
}

std::string help_of(const CommandSpec& command) {
  Invocation ignored;
  CLI::App app("", "");
  add_commands(app, ignored);
  return app.get_subcommand(std::string(command.name))->help();
}

}  // namespace rstmdb::cli
