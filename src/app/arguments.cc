#include "app/arguments.h"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace rstmdb::app {
namespace {

using What = AdminCommand::What;

/// The commands that do not serve. `command` gets what is asked for; it lives as long as the
/// parser.
class AdminParser {
 public:
  AdminParser(CLI::App& cli, AdminCommand& command) : command_(command) {
    cli.require_subcommand(0, 1);
    check_ =
        add(cli, "check", "Read all of a data folder or backup and say what is wrong, and where");
    check_->add_option("DIR", command.from, "data folder, or backup file")->required();
    check_->add_option("--at", at_, "show the state as it was after record OFFSET")
        ->type_name("OFFSET");
    check_->footer(
        "Nothing is changed, and a server may be running on the folder.\n"
        "The state is held in memory, as a server would.");

    backup_ = add(cli, "backup", "Copy a data folder into one file while a server may be writing");
    backup_->add_option("DIR", command.from, "data folder")->required();
    backup_->add_option("FILE", command.to, "backup to make; must not be there")->required();
    backup_->footer(
        "Holds the newest snapshot and the log behind it, up to the last whole write. It is read\n"
        "back and folded, which needs as much memory as the server's state, before it gets its\n"
        "name. It holds all data in the clear, and no tokens.");

    restore_ = add(cli, "restore", "Make a data folder from a backup");
    restore_->add_option("FILE", command.from, "backup")->required();
    restore_->add_option("DIR", command.to, "data folder to make; must be missing or empty");
    restore_->add_flag("--verify", verify_, "only check the backup; DIR is left out");
    restore_->footer("Everything is checked and folded before DIR gets its name.");

    export_ = add(cli, "export", "Write the state as lines of JSON");
    export_->add_option("DIR", command.from, "data folder, or backup file")->required();
    export_->add_option("FILE", command.to, "file to make; - or nothing is standard output");
    export_->footer("The lines are described in docs/backup.md.");

    import_ = add(cli, "import", "Make a data folder from lines of JSON");
    import_->add_option("FILE", command.from, "lines; - is standard input")->required();
    import_->add_option("DIR", command.to, "data folder to make; must be missing or empty")
        ->required();
    import_->footer("The lines are described in docs/backup.md.");
  }

  /// Whether one of the commands was given, after a successful parse.
  bool chosen() const { return which() != nullptr; }

  /// Completes the command; a sentence when it is not one.
  std::string settle() {
    const CLI::App* chosen = which();
    command_.what = what_of(chosen);
    if (at_ != 0) command_.at = at_;
    if (chosen != restore_) return "";
    if (verify_) {
      command_.what = What::kVerify;
      return command_.to.empty() ? "" : "restore --verify takes no DIR";
    }
    return command_.to.empty() ? "restore needs a DIR, or --verify" : "";
  }

 private:
  CLI::App* add(CLI::App& cli, const char* name, const char* what) {
    CLI::App* made = cli.add_subcommand(name, what);
    made->add_flag("--json", command_.json, "report as JSON");
    made->add_flag("-q,--quiet", command_.quiet, "show no progress");
    return made;
  }

  const CLI::App* which() const {
    for (const CLI::App* app : {check_, backup_, restore_, export_, import_})
      if (app->parsed()) return app;
    return nullptr;
  }

  What what_of(const CLI::App* app) const {
    if (app == backup_) return What::kBackup;
    if (app == restore_) return What::kRestore;
    if (app == export_) return What::kExport;
    if (app == import_) return What::kImport;
    return What::kCheck;
  }

  AdminCommand& command_;
  uint64_t at_ = 0;
  bool verify_ = false;
  CLI::App* check_ = nullptr;
  CLI::App* backup_ = nullptr;
  CLI::App* restore_ = nullptr;
  CLI::App* export_ = nullptr;
  CLI::App* import_ = nullptr;
};

}  // namespace

std::string version() { return RSTMDB_VERSION; }

Parsed parse_arguments(int argc, char** argv) {
  Parsed parsed;
  CLI::App cli("rstmdb: a state machine database\n\nWithout a command it serves.", "rstmdb");
  cli.set_version_flag("--version", "rstmdb " + version());
  std::string config;
  cli.add_option("--config", config,
                 "YAML file; without it the one that RSTMDB_CONFIG names, or none")
      ->type_name("FILE");
  cli.add_option("--port-file", parsed.arguments.port_file,
                 "write the port that is listened at to FILE once requests are served")
      ->type_name("FILE");
  cli.add_flag("--print-config", parsed.arguments.print_config,
               "print every setting and where it comes from, then end");
  cli.footer(
      "Settings also come from RSTMDB_* environment variables; docs/configuration.md lists all.\n"
      "Exit codes: 0 ended as asked, 1 could not start, stopped by a failure, or something is\n"
      "damaged, 2 usage.");
  AdminCommand command;
  AdminParser admin(cli, command);
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = cli.exit(error) == 0 ? 0 : 2;
    return parsed;
  }
  if (!config.empty()) parsed.arguments.config_path = config;
  if (!admin.chosen()) return parsed;
  const std::string wrong = admin.settle();
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\nRun with --help for more information.\n", wrong.c_str());
    parsed.exit_code = 2;
    return parsed;
  }
  parsed.arguments.admin = std::move(command);
  return parsed;
}

}  // namespace rstmdb::app
