// Runs src/engine/testdata/*.txt: commands, a line of dashes, what came of them. `RSTMDB_REWRITE=1`
// writes what came into the files, to be reviewed as a diff.
//
//   now MS                                   the clock of the commands that follow
//   bounds versions=N ttl=MS keys=N bytes=N  the configured bounds
//   keys                                     how many keys there are, and their bytes
//   put MACHINE VERSION DEFINITION [checksum=HEX]
//   create MACHINE VERSION ID|- CONTEXT [key=K]          - takes a generated id
//   apply ID EVENT PAYLOAD|- [state=S] [offset=N] [event_id=E] [key=K]
//   delete ID
//   flush
//   list [machine=M] [state=S] [limit=N] [offset=N] [from=SLOT]
//   show ID
//   atomic … end                             the commands between as one unit
//
// JSON stands without white space.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "engine/decide.h"
#include "engine/listing.h"

namespace rstmdb::engine {
namespace {

struct Line {
  std::vector<std::string> words;
  std::map<std::string, std::string> options;

  explicit Line(const std::string& text) {
    std::istringstream in(text);
    for (std::string word; in >> word;) {
      const size_t equals = word.find('=');
      const bool option = equals != std::string::npos && word[0] != '{' && !words.empty();
      if (option) {
        options[word.substr(0, equals)] = word.substr(equals + 1);
      } else {
        words.push_back(word);
      }
    }
  }
  std::string option(const std::string& name) const {
    const auto found = options.find(name);
    return found == options.end() ? "" : found->second;
  }
};

class Script {
 public:
  std::string run(const std::string& commands) {
    std::istringstream in(commands);
    std::string out;
    for (std::string text; std::getline(in, text);) {
      if (text.empty() || text[0] == '#') continue;
      const std::string said = one(Line(text));
      // A refused command inside an atomic unit gives the unit up.
      if (atomic_ && said.find(": ") != std::string::npos) given_up_ = true;
      out += said + "\n";
    }
    return out;
  }

  bool replay_matches() const {
    State again({.hash_seed = 77});
    ChainHash chain;
    for (const std::string& unit : units_) {
      RecordReader reader(unit, chain);
      while (!reader.at_end()) again.apply(reader.next().value());
    }
    return again.hash() == state_.hash() && state_.hash() == state_.hash_by_walk();
  }

 private:
  std::string one(const Line& line) {
    const std::string& verb = line.words.at(0);
    if (verb == "now") {
      now_ = std::stoll(line.words.at(1));
      return "ok";
    }
    if (verb == "bounds") return set_bounds(line);
    if (verb == "list") return list(line);
    if (verb == "keys") {
      return std::to_string(state_.keys().count()) + " keys, " +
             std::to_string(state_.keys().bytes()) + " bytes";
    }
    if (verb == "show") return show(line.words.at(1));
    if (verb == "atomic") {
      atomic_ = true;
      draft_.clear();
      given_up_ = false;
      return "(begun)";
    }
    if (verb == "end") return end_atomic();
    if (atomic_ && given_up_) return "(skipped)";
    if (!atomic_) draft_.clear();
    const std::string said = decide(line);
    if (!atomic_) commit();
    return said;
  }

  std::string decide(const Line& line) {
    // Views in records must outlive the draft: the words are kept until the script's end.
    kept_lines_.push_back(std::make_unique<Line>(line));
    const Line& kept = *kept_lines_.back();
    const std::string& verb = kept.words[0];
    if (verb == "put") return put(kept);
    if (verb == "create") return create(kept);
    if (verb == "apply") return apply(kept);
    if (verb == "delete") return remove(kept);
    if (verb == "flush") {
      return "flushed offset=" + std::to_string(decider().decide(FlushAll{}).offset);
    }
    return "unknown command " + verb;
  }

  std::string put(const Line& line) {
    json::Document document;
    const auto parsed = document.parse(line.words.at(3));
    if (!parsed.ok()) return refused(parsed.error());
    auto definition = Definition::parse(document.root());
    if (!definition.ok()) return refused(definition.error());
    kept_definitions_.push_back(std::make_unique<Definition>(std::move(definition).value()));
    PutMachine command;
    command.machine = line.words.at(1);
    command.version = static_cast<uint32_t>(std::stoul(line.words.at(2)));
    command.definition = kept_definitions_.back().get();
    command.expected_checksum = kept_option(line, "checksum");
    const auto put = decider().decide(command);
    if (!put.ok()) return refused(put.error());
    return put->created ? "created offset=" + std::to_string(put->offset) : "the same is there";
  }

  std::string create(const Line& line) {
    CreateInstance command;
    command.machine = line.words.at(1);
    command.version = static_cast<uint32_t>(std::stoul(line.words.at(2)));
    if (line.words.at(3) != "-") command.instance_id = line.words[3];
    if (command.instance_id.empty()) {
      std::string& id = draft_.keep();
      id = "generated-" + std::to_string(++generated_);
      command.generated_id = id;
    }
    command.context = line.words.at(4);
    command.key = kept_option(line, "key");
    return told(decider().decide(command));
  }

  std::string apply(const Line& line) {
    ApplyEvent command;
    command.instance_id = line.words.at(1);
    command.event = line.words.at(2);
    if (line.words.at(3) != "-") command.payload = line.words[3];
    if (line.options.contains("state")) command.expected_state = kept_option(line, "state");
    if (line.options.contains("offset"))
      command.expected_offset = std::stoull(line.option("offset"));
    command.event_id = kept_option(line, "event_id");
    command.key = kept_option(line, "key");
    return told(decider().decide(command));
  }

  std::string remove(const Line& line) {
    DeleteInstance command;
    command.instance_id = line.words.at(1);
    return told(decider().decide(command));
  }

  static std::string_view kept_option(const Line& line, const std::string& name) {
    const auto found = line.options.find(name);
    return found == line.options.end() ? std::string_view() : std::string_view(found->second);
  }

  static std::string told(const Result<Outcome>& outcome) {
    if (!outcome.ok()) return refused(outcome.error());
    std::ostringstream out;
    out << outcome->instance_id;
    if (!outcome->from_state.empty()) out << ' ' << outcome->from_state << " ->";
    if (!outcome->to_state.empty()) out << ' ' << outcome->to_state;
    out << " offset=" << outcome->offset;
    if (!outcome->context.empty()) out << " ctx=" << outcome->context;
    if (!outcome->event_id.empty()) out << " event_id=" << outcome->event_id;
    if (!outcome->applied) out << " (again)";
    return out.str();
  }

  static std::string refused(const Error& error) { return error.to_string(); }

  std::string set_bounds(const Line& line) {
    if (!line.option("versions").empty())
      bounds_.machine_versions_max = std::stoull(line.option("versions"));
    if (!line.option("ttl").empty()) bounds_.key_ttl_ms = std::stoll(line.option("ttl"));
    if (!line.option("keys").empty()) bounds_.keys_max = std::stoull(line.option("keys"));
    if (!line.option("bytes").empty()) bounds_.keys_bytes_max = std::stoull(line.option("bytes"));
    return "ok";
  }

  std::string list(const Line& line) {
    ListQuery query;
    const std::string machine = line.option("machine");
    const std::string state = line.option("state");
    query.machine = machine;
    query.state = state;
    query.limit = line.option("limit").empty() ? 100 : std::stoull(line.option("limit"));
    query.offset = line.option("offset").empty() ? 0 : std::stoull(line.option("offset"));
    query.from =
        line.option("from").empty() ? 0 : static_cast<Slot>(std::stoul(line.option("from")));
    const Page page = list_instances(state_, query);
    std::ostringstream out;
    for (const Slot slot : page.slots) out << state_.instances().at(slot).id() << ' ';
    out << "total=" << page.total;
    if (page.next) out << " next=" << *page.next;
    return out.str();
  }

  std::string show(const std::string& id) {
    const auto slot = state_.instances().find(id);
    if (!slot) return "none";
    const Instance& instance = state_.instances().at(*slot);
    if (instance.deleted()) return "deleted offset=" + std::to_string(instance.last_offset);
    const StoredDefinition& stored = state_.machines().at(instance.definition);
    std::ostringstream out;
    out << stored.machine->name << " v" << stored.version << ' '
        << stored.state_name(instance.state) << " ctx=" << instance.context()
        << " offset=" << instance.last_offset << " created=" << instance.created_at
        << " updated=" << instance.updated_at;
    if (!instance.last_event_id().empty()) out << " event_id=" << instance.last_event_id();
    return out.str();
  }

  std::string end_atomic() {
    atomic_ = false;
    if (given_up_) {
      draft_.clear();
      return "(nothing happened)";
    }
    const size_t size = draft_.records().size();
    commit();
    return "(" + std::to_string(size) + " records)";
  }

  void commit() {
    if (draft_.empty()) return;
    if (draft_.records().size() > 1) draft_.number_batch();
    std::string unit;
    for (const Record& record : draft_.records()) append_record(unit, record, chain_);
    for (const Record& record : draft_.records()) state_.apply(record);
    units_.push_back(std::move(unit));
  }

  Decider decider() {
    stamp_.now_ms = std::max(now_, state_.last_ts());
    return Decider{bounds_, stamp_, draft_};
  }

  Bounds bounds_{1000, 1000, 1000, 1 << 20};
  Stamp stamp_;
  int64_t now_ = 0;
  State state_{{.hash_seed = 5}};
  Draft draft_{state_};
  ChainHash chain_;
  std::vector<std::string> units_;
  std::vector<std::unique_ptr<Line>> kept_lines_;
  std::vector<std::unique_ptr<Definition>> kept_definitions_;
  int generated_ = 0;
  bool atomic_ = false;
  bool given_up_ = false;
};

std::vector<std::filesystem::path> scripts() {
  std::vector<std::filesystem::path> found;
  const std::filesystem::path folder =
      std::filesystem::path(RSTMDB_SOURCE_DIR) / "src/engine/testdata";
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    found.push_back(entry.path());
  std::ranges::sort(found);
  return found;
}

class EngineScript : public testing::TestWithParam<std::filesystem::path> {};
INSTANTIATE_TEST_SUITE_P(Files, EngineScript, testing::ValuesIn(scripts()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST_P(EngineScript, SaysWhatItSaid) {
  std::ifstream file(GetParam());
  std::ostringstream rewritten;
  Script script;
  std::string commands;
  std::string expected;
  bool in_outcome = false;
  size_t blocks = 0;
  const auto finish = [&] {
    if (commands.empty()) return;
    const std::string said = script.run(commands);
    EXPECT_EQ(said, expected) << "after\n" << commands;
    rewritten << commands << "----\n" << said << "\n";
    commands.clear();
    expected.clear();
    in_outcome = false;
    ++blocks;
  };
  for (std::string line; std::getline(file, line);) {
    if (line == "----") {
      in_outcome = true;
    } else if (in_outcome && line.empty()) {
      finish();
    } else {
      (in_outcome ? expected : commands) += line + "\n";
    }
  }
  finish();
  EXPECT_GT(blocks, 0u);
  EXPECT_TRUE(script.replay_matches());
  if (std::getenv("RSTMDB_REWRITE") != nullptr) std::ofstream(GetParam()) << rewritten.str();
}

}  // namespace
}  // namespace rstmdb::engine
