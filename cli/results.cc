#include "results.h"

#include <algorithm>
#include <array>

namespace rstmdb::cli {
namespace {

using client::Json;

std::string text_of(const Json& value) {
  return std::string(value.is_string() ? value.string() : value.text());
}

bool is_time(std::string_view name) {
  return name == "created_at" || name == "updated_at" || name == "ts";
}

/// A scalar as a person writes it: strings without quotes, yes and no, times as dates.
std::string scalar_text(std::string_view name, const Json& value) {
  if (const auto flag = value.as_bool()) return *flag ? "yes" : "no";
  if (value.is_null()) return "none";
  if (is_time(name) && value.as_int64()) return time_text(*value.as_int64());
  return printable(text_of(value));
}

std::string one_line(const Json& value) {
  std::string out;
  for (const Json& element : value.elements()) {
    if (!out.empty()) out += ", ";
    out += printable(text_of(element));
  }
  return out.empty() ? "none" : out;
}

bool is_flat_array(const Json& value) {
  return value.is_array() && std::ranges::none_of(value.elements(), [](const Json& e) {
           return e.is_object() || e.is_array();
         });
}

/// `name  value` lines with aligned values; objects follow with indentation.
std::string show_fields(const Json& result, Colours colours) {
  size_t width = 0;
  for (const auto& [name, value] : result.members()) width = std::max(width, width_of(name));
  std::string out;
  for (const auto& [name, value] : result.members()) {
    out += coloured(colours, Colour::kBold, printable(name));
    if (value.is_object() || (value.is_array() && !is_flat_array(value))) {
      out += value.size() == 0 ? std::string(width - width_of(name) + 2, ' ') : "\n";
      out += pretty(value);
    } else {
      out += std::string(width - width_of(name) + 2, ' ');
      out += is_flat_array(value) ? one_line(value) : scalar_text(name, value);
    }
    out += "\n";
  }
  return out;
}

/// `shown of total things`, and how to go on.
std::string show_page(size_t shown, const Json& result, std::string_view things) {
  std::string out = std::to_string(shown);
  if (const Json total = result["total"]) out += " of " + std::string(total.text());
  out += " " + std::string(things);
  const Json cursor = result["next_cursor"];
  if (cursor.is_string()) {
    out += "; next cursor " + printable(cursor.string());
  } else if (result["has_more"].as_bool().value_or(false)) {
    out += "; there are more (--offset)";
  }
  return out + "\n";
}

std::string show_machines(const Json& result, Colours colours) {
  Table table({"MACHINE", "VERSIONS"});
  const auto items = result["items"].elements();
  for (const Json& item : items) table.add({text_of(item["machine"]), one_line(item["versions"])});
  return (items.empty() ? "" : table.text(colours)) + show_page(items.size(), result, "machines");
}

std::string show_instances(const Json& result, Colours colours) {
  Table table({"INSTANCE", "MACHINE", "VERSION", "STATE", "OFFSET", "UPDATED"});
  const auto items = result["instances"].elements();
  for (const Json& item : items) {
    table.add({text_of(item["id"]), text_of(item["machine"]), text_of(item["version"]),
               text_of(item["state"]), text_of(item["last_wal_offset"]),
               scalar_text("updated_at", item["updated_at"])});
  }
  return (items.empty() ? "" : table.text(colours)) + show_page(items.size(), result, "instances");
}

/// What a log entry is about, apart from its type.
std::string entry_text(const Json& entry) {
  std::string out;
  for (const char* name : {"machine", "version", "instance_id", "event", "initial_state"}) {
    const Json value = entry[name];
    if (!value) continue;
    if (!out.empty()) out += "  ";
    out += std::string(name) + "=" + text_of(value);
  }
  if (entry["from_state"]) {
    out += "  " + text_of(entry["from_state"]) + " -> " + text_of(entry["to_state"]);
  }
  return out;
}

std::string show_log(const Json& result, Colours colours) {
  Table table({"OFFSET", "TYPE", "ENTRY"});
  const auto records = result["records"].elements();
  for (const Json& record : records) {
    const Json entry = record["entry"];
    table.add({text_of(record["offset"]), text_of(entry["type"]), entry_text(entry)});
  }
  std::string out = records.empty() ? "no records\n" : table.text(colours);
  const Json next = result["next_offset"];
  if (next.is_number()) out += "next offset " + text_of(next) + "\n";
  return out;
}

std::string show_counts(const Json& result, Colours colours) {
  Table table({"STATE", "INSTANCES"});
  for (const auto& [state, count] : result["states"].members()) {
    table.add({state, text_of(count)});
  }
  const std::string total = text_of(result["total"]);
  return table.text(colours) + total + (total == "1" ? " instance" : " instances") + " at offset " +
         text_of(result["wal_offset"]) + "\n";
}

/// What of a history's event stands behind its states.
std::string event_text(const Json& event) {
  const Json payload = event["payload"];
  std::string out = payload.is_object() && payload.size() > 0 ? std::string(payload.text()) : "";
  const Json actor = event["actor"];
  if (!actor) return out;
  return out + (out.empty() ? "by " : "  by ") + text_of(actor);
}

std::string show_history(const Json& result, Colours colours) {
  Table table({"OFFSET", "TIME", "EVENT", "FROM", "TO", "PAYLOAD"});
  const auto events = result["events"].elements();
  const auto state = [](const Json& name) { return name ? text_of(name) : std::string("-"); };
  for (const Json& event : events) {
    const Json name = event["event"];
    table.add({text_of(event["wal_offset"]), scalar_text("ts", event["ts"]),
               name ? text_of(name) : "(" + text_of(event["type"]) + ")",
               state(event["from_state"]), state(event["to_state"]), event_text(event)});
  }
  std::string out = events.empty() ? "no events\n" : table.text(colours);
  const Json next = result["next_before_offset"];
  if (next.is_number()) return out + "there are more (--before-offset " + text_of(next) + ")\n";
  if (result["complete"].as_bool() == false) {
    out += "older events are not in the log, which begins at offset " + text_of(result["horizon"]) +
           "\n";
  }
  return out;
}

std::string show_applied(const Json& result, Colours colours) {
  std::string out = coloured(colours, Colour::kCyan, printable(text_of(result["from_state"]))) +
                    " -> " +
                    coloured(colours, Colour::kGreen, printable(text_of(result["to_state"])));
  if (result["applied"].as_bool() == false) out += "  (already applied by an earlier request)";
  out += "\noffset " + text_of(result["wal_offset"]) + "\ncontext " + pretty(result["ctx"]) + "\n";
  return out;
}

std::string show_pong(const Json&, Colours) { return "pong\n"; }

struct Shown {
  std::string_view op;
  std::string (*show)(const Json&, Colours);
};
constexpr std::array<Shown, 7> kShown = {{{"PING", show_pong},
                                          {"LIST_MACHINES", show_machines},
                                          {"LIST_INSTANCES", show_instances},
                                          {"COUNT_INSTANCES", show_counts},
                                          {"GET_HISTORY", show_history},
                                          {"APPLY_EVENT", show_applied},
                                          {"WAL_READ", show_log}}};

}  // namespace

std::string show_result(std::string_view op, const Json& result, Colours colours) {
  const auto found = std::ranges::find(kShown, op, &Shown::op);
  return found == kShown.end() ? show_fields(result, colours) : found->show(result, colours);
}

std::string show_notification(const Json& event, Colours colours) {
  // A creation comes from nowhere, a deletion leads nowhere, and neither is an event.
  const auto state = [&](const char* member, Colour colour) {
    const Json name = event[member];
    return name.is_null() ? "(none)" : coloured(colours, colour, printable(text_of(name)));
  };
  const Json name = event["event"];
  std::string out = text_of(event["wal_offset"]) + "  " + printable(text_of(event["instance_id"])) +
                    "  " + state("from_state", Colour::kCyan) + " -> " +
                    state("to_state", Colour::kGreen) + "  " +
                    printable(text_of(name.is_null() ? event["kind"] : name));
  const Json payload = event["payload"];
  if (payload.is_object() && payload.size() > 0) out += "  " + printable(payload.text());
  return out + "\n";
}

}  // namespace rstmdb::cli
