// Watching: see what happens, remember how far, and go on from there, perhaps in another process.
//   watch HOST PORT
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "rstmdb/client.h"

using namespace rstmdb::client;

namespace {

/// Takes `count` notifications; the offset of the last is all that one has to remember.
int take(Subscription& watch, int count) {
  int seen = 0;
  while (seen < count) {
    const auto next = watch.next(std::chrono::seconds(30)).value();
    if (!next) break;  // nothing came in that time
    std::cout << next->wal_offset << ": " << next->from_state << " -> " << next->to_state << "\n";
    ++seen;
  }
  return seen;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    Client client =
        Client::connect({.host = argv[1], .port = static_cast<uint16_t>(std::atoi(argv[2]))})
            .value();
    client
        .put_machine({.machine = "lamp", .version = 1, .definition = R"({
          "states": ["off", "on"],
          "initial": "off",
          "transitions": [
            {"from": "off", "event": "PRESS", "to": "on"},
            {"from": "on", "event": "PRESS", "to": "off"}
          ]})"})
        .value();

    // Only what comes from now on, creations included.
    const WatchAll lamps = {.machines = {"lamp"}, .kinds = {"create", "transition"}};
    Subscription watch = client.watch_all(lamps).value();
    client.create_instance({.machine = "lamp", .instance_id = "desk"}).value();
    for (int i = 0; i < 4; ++i) {
      client.apply_event({.instance_id = "desk", .event = "PRESS"}).value();
    }
    const int first = take(watch, 3);
    const uint64_t seen_up_to = watch.last_offset();
    client.unwatch(watch).value();

    // Later: everything behind what has been seen comes first, then what is new.
    WatchAll rest = lamps;
    rest.after_offset = seen_up_to;
    Subscription again = client.watch_all(rest).value();
    const int second = take(again, 2);
    std::cout << "seen " << first << ", resumed behind offset " << seen_up_to << ", then seen "
              << second << "\n";
    return 0;
  } catch (const RstmdbError& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
