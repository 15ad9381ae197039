#include "linearizability/history_file.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <string>
#include <string_view>

#include "crash/history.h"
#include "json/document.h"
#include "json/writer.h"

namespace rstmdb::lin {
namespace {

constexpr std::string_view kAsks[] = {"acts",    "list",      "pages",
                                      "history", "watch_all", "watch_instance"};
constexpr std::string_view kForms[] = {"alone", "atomic", "best_effort"};
constexpr std::string_view kVerbs[] = {"create", "apply", "remove", "read"};
constexpr std::string_view kChanges[] = {"put", "create", "apply", "remove"};
constexpr std::string_view kRefusals[] = {"none",         "conflict",  "invalid_transition",
                                          "guard_failed", "not_found", "exists",
                                          "not_now",      "strange"};

template <class Enum, size_t kSize>
std::string_view name(const std::string_view (&names)[kSize], Enum value) {
  return names[static_cast<size_t>(value)];
}

/// A name that is none of them becomes one past the last, which nothing accepts.
template <class Enum, size_t kSize>
Enum value(const std::string_view (&names)[kSize], json::Value from) {
  const std::string_view text = from.is_string() ? from.string() : std::string_view();
  return static_cast<Enum>(std::ranges::find(names, text) - std::begin(names));
}

uint64_t number(json::Value object, std::string_view key, uint64_t otherwise = 0) {
  return crash::number_of(object, key, otherwise);
}

bool flag(json::Value object, std::string_view key) {
  return object[key].is_bool() && object[key].boolean();
}

/// States are written one higher, so that none is 0 and left out.
int8_t state(json::Value object, std::string_view key) {
  return static_cast<int8_t>(static_cast<int>(number(object, key)) - 1);
}

class LineWriter {
 public:
  explicit LineWriter(std::string& out) : writer_(out) {}

  void operation(const Operation& operation);
  void record(const Logged& record);
  void stream(const Stream& stream);
  void surprise(const Surprise& surprise);
  void death(const int64_t& at);
  void end(const History& history);

 private:
  template <class T>
  LineWriter& number(json::Key key, T value) {
    if (value != 0) writer_.member(key, static_cast<uint64_t>(value));
    return *this;
  }
  LineWriter& state(json::Key key, int8_t value) { return number(key, value + 1); }
  LineWriter& flag(json::Key key, bool value) {
    if (value) writer_.member(key, true);
    return *this;
  }
  void act(const Act& act);
  void answer(const Answer& answer);
  void seen(const Seen& seen);
  void told(const Told& told);
  void page(const HistoryPage& page);

  json::Writer writer_;
};

void LineWriter::seen(const Seen& seen) {
  if (seen == Seen()) return;
  writer_.key("seen").open_array().value(seen.tag).value(seen.n);
  for (const uint64_t tag : seen.group) writer_.value(tag);
  writer_.close_array();
}

void LineWriter::answer(const Answer& answer) {
  writer_.key("answer").open_object().member("refusal", name(kRefusals, answer.refusal));
  flag("applied", answer.applied).number("offset", answer.offset);
  state("from", answer.from).state("to", answer.to);
  seen(answer.seen);
  writer_.close_object();
}

void LineWriter::act(const Act& act) {
  writer_.open_object().member("verb", name(kVerbs, act.verb)).member("instance", act.instance);
  number("tag", act.tag).number("n", act.n).number("group", act.group).number("event", act.event);
  flag("keyed", act.keyed).state("expected_state", act.expected_state);
  number("expected_offset", act.expected_offset);
  answer(act.answer);
  writer_.close_object();
}

void LineWriter::operation(const Operation& operation) {
  writer_.open_object().member("ask", name(kAsks, operation.ask));
  writer_.member("form", name(kForms, operation.form));
  writer_.member("client", operation.client).member("invoked", operation.invoked);
  writer_.member("ended", operation.ended);
  flag("answered", operation.answered).number("dialect", operation.dialect);
  if (operation.refused_at != Operation::kWhole) writer_.member("refused_at", operation.refused_at);
  number("machine", operation.machine).state("state", operation.state);
  number("position", operation.position);
  writer_.key("acts").open_array();
  for (const Act& one : operation.acts) act(one);
  writer_.close_array().key("rows").open_array();
  for (const Row& row : operation.rows) {
    writer_.open_object().member("instance", row.instance);
    state("state", row.state).number("offset", row.offset);
    writer_.close_object();
  }
  writer_.close_array();
  if (operation.ask == Ask::kHistory) {
    number("limit", operation.limit).flag("context", operation.context);
    writer_.key("pages").open_array();
    for (const HistoryPage& one : operation.pages) page(one);
    writer_.close_array();
  }
  writer_.close_object();
}

void LineWriter::page(const HistoryPage& page) {
  writer_.open_object().member("horizon", page.horizon);
  number("before", page.before).number("next_before", page.next_before);
  flag("complete", page.complete);
  writer_.key("events").open_array();
  for (const Logged& event : page.events) record(event);
  writer_.close_array().close_object();
}

void LineWriter::surprise(const Surprise& surprise) {
  writer_.open_object().member("surprise", surprise.answer).member("asked", surprise.asked);
  writer_.member("client", surprise.client).member("at", surprise.at).close_object();
}

void LineWriter::death(const int64_t& at) {
  writer_.open_object().member("death", at).close_object();
}

/// The last line: a file without it was not written to its end.
void LineWriter::end(const History& history) {
  writer_.open_object().member("operations", history.operations.size());
  flag("cut_short", history.cut_short);
  writer_.close_object();
}

void LineWriter::record(const Logged& record) {
  writer_.open_object().member("record", name(kChanges, record.change));
  number("offset", record.offset).number("instance", record.instance).number("tag", record.tag);
  number("n", record.n).number("event", record.event).number("ts", record.ts);
  state("from", record.from).state("to", record.to);
  number("batch_index", record.batch_index).number("batch_size", record.batch_size);
  seen(record.seen);
  writer_.close_object();
}

void LineWriter::told(const Told& told) {
  writer_.open_object().member("change", name(kChanges, told.change));
  number("offset", told.offset).number("instance", told.instance).number("tag", told.tag);
  number("event", told.event).number("at", told.at).state("from", told.from).state("to", told.to);
  seen(told.seen);
  writer_.close_object();
}

void LineWriter::stream(const Stream& stream) {
  const Filter& filter = stream.filter;
  writer_.open_object().member("stream", stream.behind);
  number("whole_up_to", stream.whole_up_to).flag("asked_offset", stream.asked_offset);
  state("state", stream.state).number("kinds", filter.kinds).number("machines", filter.machines);
  number("events", filter.events).number("from_states", filter.from_states);
  number("to_states", filter.to_states).number("instance", filter.instance);
  flag("context", filter.context);
  writer_.key("told").open_array();
  for (const Told& one : stream.told) told(one);
  writer_.close_array().close_object();
}

Seen read_seen(json::Value object) {
  Seen seen;
  json::Value element = object["seen"].first();
  for (uint64_t* place :
       {&seen.tag, &seen.n, &seen.group[0], &seen.group[1], &seen.group[2], &seen.group[3]}) {
    if (element)
      std::from_chars(element.text().data(), element.text().data() + element.text().size(), *place);
    element = element.next();
  }
  return seen;
}

Act read_act(json::Value from) {
  Act act{.verb = value<Verb>(kVerbs, from["verb"]),
          .keyed = flag(from, "keyed"),
          .group = static_cast<uint8_t>(number(from, "group")),
          .event = static_cast<uint8_t>(number(from, "event")),
          .expected_state = state(from, "expected_state"),
          .instance = static_cast<uint32_t>(number(from, "instance")),
          .tag = number(from, "tag"),
          .n = number(from, "n"),
          .expected_offset = number(from, "expected_offset")};
  const json::Value answer = from["answer"];
  act.answer = {.refusal = value<Refusal>(kRefusals, answer["refusal"]),
                .applied = flag(answer, "applied"),
                .offset = number(answer, "offset"),
                .from = state(answer, "from"),
                .to = state(answer, "to"),
                .seen = read_seen(answer)};
  return act;
}

Logged read_record(json::Value from) {
  return {.change = value<Change>(kChanges, from["record"]),
          .from = state(from, "from"),
          .to = state(from, "to"),
          .event = static_cast<uint8_t>(number(from, "event")),
          .instance = static_cast<uint32_t>(number(from, "instance")),
          .offset = number(from, "offset"),
          .tag = number(from, "tag"),
          .n = number(from, "n"),
          .ts = static_cast<int64_t>(number(from, "ts")),
          .batch_index = static_cast<uint32_t>(number(from, "batch_index")),
          .batch_size = static_cast<uint32_t>(number(from, "batch_size")),
          .seen = read_seen(from)};
}

HistoryPage read_page(json::Value from) {
  HistoryPage page{.before = number(from, "before"),
                   .horizon = number(from, "horizon"),
                   .next_before = number(from, "next_before"),
                   .complete = flag(from, "complete")};
  for (json::Value event = from["events"].first(); event; event = event.next()) {
    page.events.push_back(read_record(event));
  }
  return page;
}

Surprise read_surprise(json::Value from) {
  return {.client = static_cast<uint32_t>(number(from, "client")),
          .at = static_cast<int64_t>(number(from, "at")),
          .asked = crash::text_of(from, "asked"),
          .answer = crash::text_of(from, "surprise")};
}

Operation read_operation(json::Value from) {
  Operation operation{
      .ask = value<Ask>(kAsks, from["ask"]),
      .form = value<Form>(kForms, from["form"]),
      .answered = flag(from, "answered"),
      .dialect = static_cast<uint8_t>(number(from, "dialect")),
      .client = static_cast<uint32_t>(number(from, "client")),
      .invoked = static_cast<int64_t>(number(from, "invoked")),
      .ended = static_cast<int64_t>(number(from, "ended")),
      .refused_at = static_cast<uint32_t>(number(from, "refused_at", Operation::kWhole)),
      .machine = static_cast<uint32_t>(number(from, "machine")),
      .state = state(from, "state"),
      .limit = static_cast<uint32_t>(number(from, "limit")),
      .context = flag(from, "context"),
      .position = number(from, "position")};
  for (json::Value act = from["acts"].first(); act; act = act.next()) {
    operation.acts.push_back(read_act(act));
  }
  for (json::Value row = from["rows"].first(); row; row = row.next()) {
    operation.rows.push_back({static_cast<uint32_t>(number(row, "instance")), state(row, "state"),
                              number(row, "offset")});
  }
  for (json::Value page = from["pages"].first(); page; page = page.next()) {
    operation.pages.push_back(read_page(page));
  }
  return operation;
}

Stream read_stream(json::Value from) {
  const auto set = [&](std::string_view key) { return static_cast<uint8_t>(number(from, key)); };
  Stream stream{.filter = {.kinds = set("kinds"),
                           .machines = set("machines"),
                           .events = set("events"),
                           .from_states = set("from_states"),
                           .to_states = set("to_states"),
                           .instance = static_cast<uint32_t>(number(from, "instance")),
                           .context = flag(from, "context")},
                .behind = number(from, "stream"),
                .whole_up_to = number(from, "whole_up_to"),
                .asked_offset = flag(from, "asked_offset"),
                .state = state(from, "state")};
  for (json::Value told = from["told"].first(); told; told = told.next()) {
    stream.told.push_back({.change = value<Change>(kChanges, told["change"]),
                           .from = state(told, "from"),
                           .to = state(told, "to"),
                           .event = static_cast<uint8_t>(number(told, "event")),
                           .instance = static_cast<uint32_t>(number(told, "instance")),
                           .offset = number(told, "offset"),
                           .tag = number(told, "tag"),
                           .at = static_cast<int64_t>(number(told, "at")),
                           .seen = read_seen(told)});
  }
  return stream;
}

}  // namespace

void write_history(const History& history, std::ostream& out) {
  std::string line;
  const auto write = [&](auto member, const auto& all) {
    for (const auto& one : all) {
      line.clear();
      LineWriter writer(line);
      (writer.*member)(one);
      out << line << '\n';
    }
  };
  write(&LineWriter::operation, history.operations);
  write(&LineWriter::record, history.records);
  write(&LineWriter::stream, history.streams);
  write(&LineWriter::surprise, history.surprises);
  write(&LineWriter::death, history.deaths);
  write(&LineWriter::end, std::span(&history, 1));
}

Result<History> read_history(std::istream& in) {
  History history;
  json::Document document;
  int64_t lines = 0;
  bool whole = false;
  for (std::string line; std::getline(in, line);) {
    ++lines;
    const Result<void> parsed = document.parse(line);
    if (!parsed.ok()) return Error(parsed.error()).with("line", lines);
    const json::Value root = document.root();
    if (root["ask"]) {
      history.operations.push_back(read_operation(root));
    } else if (root["record"]) {
      history.records.push_back(read_record(root));
    } else if (root["stream"]) {
      history.streams.push_back(read_stream(root));
    } else if (root["surprise"]) {
      history.surprises.push_back(read_surprise(root));
    } else if (root["death"]) {
      history.deaths.push_back(static_cast<int64_t>(number(root, "death")));
    } else if (root["operations"]) {
      history.cut_short = flag(root, "cut_short");
      whole = history.operations.size() == number(root, "operations");
    } else {
      return Error(Code::kBadRequest, "no line of a history").with("line", lines);
    }
  }
  if (!whole) return Error(Code::kBadRequest, "the file does not reach to its history's end");
  return history;
}

}  // namespace rstmdb::lin
