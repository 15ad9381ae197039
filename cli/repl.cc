#include "repl.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <set>

#include "line_editor.h"
#include "words.h"

namespace rstmdb::cli {
namespace {

/// Names from the server, asked for at most every few seconds.
class ServerVocabulary : public Vocabulary {
 public:
  explicit ServerVocabulary(Session& session) : session_(session) {}
  std::vector<std::string> machines() override { return fresh().machines; }
  std::vector<std::string> states() override { return fresh().states; }
  std::vector<std::string> events() override { return fresh().events; }

 private:
  static constexpr std::chrono::seconds kFreshFor{5};
  static constexpr uint64_t kMachinesAsked = 50;
  struct Names {
    std::vector<std::string> machines;
    std::vector<std::string> states;
    std::vector<std::string> events;
  };

  const Names& fresh() {
    const auto now = std::chrono::steady_clock::now();
    if (!asked_ || now - *asked_ > kFreshFor) {
      ask();
      asked_ = now;
    }
    return names_;
  }

  /// Errors leave what is known as it is: a Tab key is no place to report them.
  void ask() {
    auto client = session_.connect();
    if (!client.ok()) return;
    const client::CallOptions quick{.timeout = std::chrono::seconds(2)};
    const auto page = (*client)->list_machines({.limit = kMachinesAsked}, quick);
    if (!page.ok()) return;
    std::vector<client::Future<client::Machine>> asked;
    Names names;
    for (const auto& item : page->items) {
      names.machines.push_back(item.machine);
      asked.push_back((*client)->get_machine_async(item.machine, 0, quick));
    }
    for (const auto& future : asked) {
      const auto machine = future.get();
      if (!machine.ok()) continue;
      const auto definition = client::Json::parse(machine->definition);
      if (!definition.ok()) continue;
      for (const auto& state : (*definition)["states"].elements()) {
        names.states.emplace_back(state.string());
      }
      for (const auto& transition : (*definition)["transitions"].elements()) {
        names.events.emplace_back(transition["event"].string());
      }
    }
    names_ = std::move(names);
  }

  Session& session_;
  Names names_;
  std::optional<std::chrono::steady_clock::time_point> asked_;
};

std::string history_path() {
  const char* const home = std::getenv("HOME");
  return home == nullptr || *home == '\0' ? std::string() : std::string(home) + "/.rstmdb_history";
}

void print_commands() {
  size_t width = 0;
  for (const CommandSpec& command : command_table()) width = std::max(width, command.name.size());
  for (const CommandSpec& command : command_table()) {
    std::cout << std::string(command.name) << std::string(width - command.name.size() + 2, ' ')
              << command.summary << "\n";
  }
  std::cout << "\nhelp COMMAND shows the options of a command; quit or Ctrl-D ends.\n"
            << "Values with spaces or quotes go between single quotes: -p '{\"amount\": 5}'\n"
            << std::flush;
}

int complain(const std::string& sentence) {
  std::cerr << "error: " << sentence << "\n";
  return kExitUsage;
}

int print_help(const std::vector<std::string>& words) {
  if (words.size() == 1) {
    print_commands();
    return kExitOk;
  }
  const CommandSpec* const command = find_command(words[1]);
  if (command == nullptr) return complain("there is no command " + printable(words[1]));
  std::cout << help_of(*command) << std::flush;
  return kExitOk;
}

/// nullopt = quit.
std::optional<int> run_line(Session& session, const std::string& line) {
  const auto words = split_words(line);
  if (!words) return complain("a quote is not closed");
  if (words->empty()) return kExitOk;
  const std::string& first = words->front();
  if (first == "quit" || first == "exit") return std::nullopt;
  if (first == "help") return print_help(*words);
  if (find_command(first) == nullptr) {
    return complain("there is no command " + printable(first) + "; try help");
  }
  const auto parsed = parse_words(*words);
  if (const auto* const error = std::get_if<std::string>(&parsed)) return complain(*error);
  return session.run(std::get<Invocation>(parsed));
}

int run_terminal(Session& session) {
  ServerVocabulary vocabulary(session);
  LineEditor editor("rstmdb> ", history_path(), vocabulary);
  while (const auto line = editor.next()) {
    if (!run_line(session, *line)) return kExitOk;
  }
  std::cout << "\n";
  return kExitOk;
}

int run_pipe(Session& session) {
  int first_failure = kExitOk;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto code = run_line(session, line);
    if (!code) break;
    if (first_failure == kExitOk) first_failure = *code;
  }
  return first_failure;
}

}  // namespace

bool at_terminal() { return ::isatty(STDIN_FILENO) == 1; }

int run_repl(Session& session) { return at_terminal() ? run_terminal(session) : run_pipe(session); }

}  // namespace rstmdb::cli
