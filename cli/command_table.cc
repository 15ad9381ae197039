#include "command_table.h"

#include <algorithm>

namespace rstmdb::cli {
namespace {

constexpr Need kRequired = Need::kRequired;

OptionSpec instance_option() {
  return {.flags = "-i,--id,INSTANCE",
          .param = "instance_id",
          .need = kRequired,
          .doc = "The instance's id"};
}
OptionSpec machine_option(std::string_view flags) {
  return {.flags = flags,
          .param = "machine",
          .need = kRequired,
          .offers = Offers::kMachines,
          .doc = "The machine's name"};
}
OptionSpec version_option(std::string_view flags) {
  return {.flags = flags,
          .param = "version",
          .kind = Kind::kNumber,
          .doc = "The version; the latest when not given"};
}
OptionSpec one_version_option(std::string_view flags) {
  return {.flags = flags,
          .param = "version",
          .kind = Kind::kNumber,
          .doc = "Only this version; all when not given"};
}
OptionSpec key_option() {
  return {.flags = "--idempotency-key",
          .param = "idempotency_key",
          .doc = "Makes a repetition safe; made at random when not given"};
}
OptionSpec number_option(std::string_view flags, std::string_view param, std::string_view doc) {
  return {.flags = flags, .param = param, .kind = Kind::kNumber, .doc = doc};
}
OptionSpec names_option(std::string_view flags, std::string_view param, Offers offers,
                        std::string_view doc) {
  return {.flags = flags, .param = param, .kind = Kind::kNames, .offers = offers, .doc = doc};
}
OptionSpec from_offset_option() {
  return number_option("--from-offset", "from_offset",
                       "Begin with what happened at or after this offset");
}
OptionSpec after_offset_option() {
  return number_option("--after-offset", "after_offset",
                       "The same, but behind this offset: to go on where a stream ended");
}
OptionSpec kinds_option() {
  return names_option("--kinds", "kinds", Offers::kNothing,
                      "Of transition, create and delete; else transitions alone");
}
OptionSpec no_ctx_option() {
  return {.flags = "--no-ctx",
          .param = "include_ctx",
          .kind = Kind::kFalse,
          .doc = "Leave the contexts out"};
}

CommandSpec put_machine() {
  return {.name = "put-machine",
          .op = "PUT_MACHINE",
          .summary = "Register a version of a machine from a file",
          .options = {machine_option("-n,--name"),
                      {.flags = "-v,--version",
                       .param = "version",
                       .kind = Kind::kNumber,
                       .need = kRequired,
                       .doc = "The version, 1 or more"},
                      {.flags = "--checksum",
                       .param = "checksum",
                       .doc = "SHA-256 that the canonical definition must have"},
                      {.flags = "FILE",
                       .param = "definition",
                       .kind = Kind::kFile,
                       .need = kRequired,
                       .doc = "The definition as JSON; - for standard input"}}};
}

CommandSpec create_instance() {
  return {.name = "create-instance",
          .op = "CREATE_INSTANCE",
          .runs = Runs::kWrite,
          .summary = "Create an instance of a machine",
          .options = {machine_option("-m,--machine"),
                      {.flags = "-V,--version",
                       .param = "version",
                       .kind = Kind::kNumber,
                       .fallback = "1",
                       .doc = "The machine's version; 1 when not given"},
                      {.flags = "-i,--id",
                       .param = "instance_id",
                       .doc = "The new id; the server makes a UUID when not given"},
                      {.flags = "-c,--context",
                       .param = "initial_ctx",
                       .kind = Kind::kJson,
                       .doc = "The first context: a JSON object, @FILE or -"},
                      key_option()}};
}

CommandSpec list_instances() {
  return {.name = "list-instances",
          .op = "LIST_INSTANCES",
          .summary = "List instances, in pages",
          .options = {{.flags = "--machine",
                       .param = "machine",
                       .offers = Offers::kMachines,
                       .doc = "Only those of this machine"},
                      {.flags = "--state",
                       .param = "state",
                       .offers = Offers::kStates,
                       .doc = "Only those in this state"},
                      number_option("--limit", "limit", "At most so many; 100 when not given"),
                      number_option("--offset", "offset", "Leave out so many"),
                      {.flags = "--cursor",
                       .param = "cursor",
                       .doc = "Go on behind an earlier page (the next cursor shown there)"}}};
}

CommandSpec apply_event() {
  return {
      .name = "apply-event",
      .op = "APPLY_EVENT",
      .runs = Runs::kWrite,
      .summary = "Apply an event to an instance",
      .options = {
          instance_option(),
          {.flags = "-e,--event,EVENT",
           .param = "event",
           .need = kRequired,
           .offers = Offers::kEvents,
           .doc = "The event"},
          {.flags = "-p,--payload",
           .param = "payload",
           .kind = Kind::kJson,
           .doc = "A JSON object to merge into the context, @FILE or -"},
          {.flags = "--expected-state",
           .param = "expected_state",
           .offers = Offers::kStates,
           .doc = "Refuse in any other state"},
          number_option("--expected-offset", "expected_wal_offset",
                        "Refuse if the instance has changed since this offset"),
          {.flags = "--event-id", .param = "event_id", .doc = "An id of your own for the event"},
          key_option()}};
}

CommandSpec watch_all() {
  return {
      .name = "watch-all",
      .op = "WATCH_ALL",
      .runs = Runs::kWatch,
      .summary = "Show transitions as they happen, until interrupted",
      .options = {
          names_option("--machines", "machines", Offers::kMachines, "Only of these machines"),
          names_option("--events", "events", Offers::kEvents, "Only by these events"),
          names_option("--from-states", "from_states", Offers::kStates, "Only out of these states"),
          names_option("--to-states", "to_states", Offers::kStates, "Only into these states"),
          from_offset_option(), after_offset_option(), kinds_option(), no_ctx_option()}};
}

CommandSpec plain(std::string_view name, std::string_view op, std::string_view summary) {
  return {.name = name, .op = op, .summary = summary};
}

CommandSpec hash_token() {
  return {.name = "hash-token",
          .runs = Runs::kHashToken,
          .summary = "Print the SHA-256 of a token, as the server's configuration wants it",
          .options = {{.flags = "TOKEN",
                       .param = "token",
                       .doc = "The token; read from standard input when not given"},
                      {.flags = "--generate",
                       .param = "generate",
                       .kind = Kind::kTrue,
                       .doc = "Make a token of 256 random bits and print it before its line"},
                      {.flags = "--name", .param = "name", .doc = "Name that stands in records"},
                      {.flags = "--role", .param = "role", .doc = "read, write or admin"},
                      {.flags = "--expires",
                       .param = "expires",
                       .doc = "Until when it is valid, such as 2027-01-31T00:00:00Z"}}};
}

CommandSpec get_machine() {
  return {.name = "get-machine",
          .op = "GET_MACHINE",
          .summary = "Show a machine's definition",
          .options = {machine_option("-n,--name,MACHINE"), version_option("-v,--version")}};
}

CommandSpec list_machines() {
  return {.name = "list-machines",
          .op = "LIST_MACHINES",
          .summary = "List machines and versions",
          .options = {{.flags = "-n,--name,MACHINE",
                       .param = "machine",
                       .offers = Offers::kMachines,
                       .doc = "Only this one"},
                      number_option("--limit", "limit", "At most so many"),
                      number_option("--offset", "offset", "Leave out so many")}};
}

CommandSpec count_instances() {
  return {.name = "count",
          .op = "COUNT_INSTANCES",
          .summary = "Count a machine's instances in each state",
          .options = {machine_option("-m,--machine,MACHINE"), one_version_option("-v,--version")}};
}

CommandSpec history() {
  return {
      .name = "history",
      .op = "GET_HISTORY",
      .summary = "Show what has happened to an instance, newest first",
      .options = {instance_option(),
                  number_option("-l,--limit", "limit", "At most so many; 100 when not given"),
                  number_option("--before-offset", "before_offset",
                                "Only what happened before this offset: to go on behind a page"),
                  no_ctx_option()}};
}

CommandSpec delete_instance() {
  return {.name = "delete-instance",
          .op = "DELETE_INSTANCE",
          .runs = Runs::kWrite,
          .summary = "Delete an instance; its id is never used again",
          .options = {instance_option(), key_option()}};
}

CommandSpec of_instance(std::string_view name, std::string_view op, std::string_view summary) {
  return {.name = name, .op = op, .summary = summary, .options = {instance_option()}};
}

CommandSpec watch_instance() {
  return {.name = "watch-instance",
          .op = "WATCH_INSTANCE",
          .runs = Runs::kWatch,
          .summary = "Show an instance's transitions as they happen, until interrupted",
          .options = {instance_option(), from_offset_option(), after_offset_option(),
                      kinds_option(), no_ctx_option()}};
}

CommandSpec unwatch() {
  return {.name = "unwatch",
          .op = "UNWATCH",
          .summary = "End a subscription of this connection",
          .options = {{.flags = "SUBSCRIPTION",
                       .param = "subscription_id",
                       .need = kRequired,
                       .doc = "The subscription's id"}}};
}

CommandSpec wal_read() {
  return {.name = "wal-read",
          .op = "WAL_READ",
          .summary = "Show records of the log",
          .options = {number_option("-l,--limit", "limit", "At most so many; 100 when not given"),
                      {.flags = "--from-offset",
                       .param = "from_offset",
                       .kind = Kind::kNumber,
                       .fallback = "0",
                       .doc = "Begin at this offset; the oldest one when not given"}}};
}

CommandSpec compact() {
  return {.name = "compact",
          .op = "COMPACT",
          .summary = "Free the log of what snapshots cover",
          .options = {{.flags = "--force",
                       .param = "force_snapshot",
                       .kind = Kind::kTrue,
                       .doc = "Write a snapshot first, in any case"}}};
}

CommandSpec graph() {
  return {.name = "graph",
          .op = "GET_MACHINE",
          .runs = Runs::kGraph,
          .summary = "Print a machine as a diagram",
          .options = {machine_option("-n,--name,MACHINE"),
                      version_option("-v,--version"),
                      {.flags = "--format",
                       .param = "format",
                       .offers = Offers::kFormats,
                       .fallback = "mermaid",
                       .doc = "mermaid or dot"}}};
}

CommandSpec validate() {
  return {.name = "validate",
          .runs = Runs::kValidate,
          .summary = "Check a definition without a server",
          .options = {{.flags = "FILE",
                       .param = "definition",
                       .kind = Kind::kFile,
                       .need = kRequired,
                       .doc = "The definition as JSON; - for standard input"}}};
}

std::vector<CommandSpec> make_table() {
  return {
      plain("ping", "PING", "Ask the server for a sign of life"),
      plain("info", "INFO", "Show what the server is and holds"),
      hash_token(),
      put_machine(),
      get_machine(),
      list_machines(),
      create_instance(),
      of_instance("get-instance", "GET_INSTANCE", "Show an instance"),
      list_instances(),
      count_instances(),
      history(),
      delete_instance(),
      apply_event(),
      watch_instance(),
      watch_all(),
      unwatch(),
      wal_read(),
      plain("wal-stats", "WAL_STATS", "Show the log's size and traffic"),
      of_instance("snapshot-instance", "SNAPSHOT_INSTANCE", "Write a snapshot of an instance"),
      compact(),
      graph(),
      validate(),
  };
}

}  // namespace

std::span<const CommandSpec> command_table() {
  static const std::vector<CommandSpec> table = make_table();
  return table;
}

const CommandSpec* find_command(std::string_view name) {
  const auto table = command_table();
  const auto found = std::ranges::find(table, name, &CommandSpec::name);
  return found == table.end() ? nullptr : &*found;
}

}  // namespace rstmdb::cli
