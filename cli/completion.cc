#include "completion.h"

#include <algorithm>

#include "command_table.h"
#include "words.h"

namespace rstmdb::cli {
namespace {

std::vector<std::string> command_names() {
  std::vector<std::string> names = {"help", "quit"};
  for (const CommandSpec& command : command_table()) names.emplace_back(command.name);
  return names;
}

/// The single names in a list of flags such as "-i,--id,INSTANCE".
std::vector<std::string> flag_names(std::string_view flags) {
  std::vector<std::string> names;
  while (!flags.empty()) {
    const size_t comma = std::min(flags.find(','), flags.size());
    names.emplace_back(flags.substr(0, comma));
    flags.remove_prefix(std::min(comma + 1, flags.size()));
  }
  return names;
}

bool takes_value(const OptionSpec& option) {
  return option.kind != Kind::kTrue && option.kind != Kind::kFalse;
}

const OptionSpec* option_of(const CommandSpec& command, const std::string& flag) {
  for (const OptionSpec& option : command.options) {
    const auto names = flag_names(option.flags);
    if (std::ranges::find(names, flag) != names.end()) return &option;
  }
  return nullptr;
}

/// The option whose value comes by position behind `words`, or nullptr.
const OptionSpec* positional(const CommandSpec& command, const std::vector<std::string>& words) {
  const OptionSpec* waiting = nullptr;
  for (size_t i = 1; i < words.size(); ++i) {
    waiting = nullptr;
    if (!words[i].starts_with('-')) return nullptr;  // one by position is there already
    const OptionSpec* const option = option_of(command, words[i]);
    if (option != nullptr && takes_value(*option)) ++i;
  }
  for (const OptionSpec& option : command.options) {
    if (!flag_names(option.flags).back().starts_with('-')) waiting = &option;
  }
  return waiting;
}

std::vector<std::string> offered(Offers what, Vocabulary& vocabulary) {
  switch (what) {
    case Offers::kNothing:
      return {};
    case Offers::kMachines:
      return vocabulary.machines();
    case Offers::kStates:
      return vocabulary.states();
    case Offers::kEvents:
      return vocabulary.events();
    case Offers::kCommands:
      return command_names();
    case Offers::kFormats:
      return {"mermaid", "dot"};
  }
  return {};
}

std::vector<std::string> options_of(const CommandSpec& command) {
  std::vector<std::string> names;
  for (const OptionSpec& option : command.options) {
    for (std::string& name : flag_names(option.flags)) {
      if (name.starts_with("--")) names.push_back(std::move(name));
    }
  }
  return names;
}

/// Everything that could stand behind `words`, where a word begins with `begun`.
std::vector<std::string> possible(const std::vector<std::string>& words, std::string_view begun,
                                  Vocabulary& vocabulary) {
  if (words.empty()) return command_names();
  if (words[0] == "help") return words.size() == 1 ? command_names() : std::vector<std::string>();
  const CommandSpec* const command = find_command(words[0]);
  if (command == nullptr) return {};
  if (words.size() > 1) {
    const OptionSpec* const option = option_of(*command, words.back());
    if (option != nullptr && takes_value(*option)) return offered(option->offers, vocabulary);
  }
  if (begun.starts_with('-')) return options_of(*command);
  const OptionSpec* const by_position = positional(*command, words);
  return by_position != nullptr ? offered(by_position->offers, vocabulary)
                                : std::vector<std::string>();
}

/// Whether a byte of UTF-8 is not the first of its character.
bool continues_a_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

}  // namespace

Completion complete(std::string_view line, Vocabulary& vocabulary) {
  const size_t space = line.find_last_of(" \t");
  const size_t begin = space == std::string_view::npos ? 0 : space + 1;
  Completion completion{std::string(line.substr(begin)), {}};
  const auto words = split_words(line.substr(0, begin));
  if (!words) return completion;  // inside a quote: nothing to offer
  for (std::string& word : possible(*words, completion.word, vocabulary)) {
    if (word.starts_with(completion.word)) completion.candidates.push_back(std::move(word));
  }
  std::ranges::sort(completion.candidates);
  const auto doubles = std::ranges::unique(completion.candidates);
  completion.candidates.erase(doubles.begin(), doubles.end());
  return completion;
}

std::string common_prefix(const std::vector<std::string>& words) {
  if (words.empty()) return {};
  std::string prefix = words.front();
  for (const std::string& word : words) {
    auto end = std::ranges::mismatch(prefix, word).in1;
    while (end != prefix.begin() && end != prefix.end() && continues_a_character(*end)) --end;
    prefix.erase(end, prefix.end());
  }
  return prefix;
}

}  // namespace rstmdb::cli
