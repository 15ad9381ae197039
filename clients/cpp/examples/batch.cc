// Several operations in one request: all of them or, if one is refused, none.
//   batch HOST PORT
#include <cstdlib>
#include <iostream>

#include "rstmdb/client.h"

using namespace rstmdb::client;

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    Client client =
        Client::connect({.host = argv[1], .port = static_cast<uint16_t>(std::atoi(argv[2]))})
            .value();
    client
        .put_machine({.machine = "seat", .version = 1, .definition = R"({
          "states": ["free", "taken"],
          "initial": "free",
          "transitions": [{"from": "free", "event": "TAKE", "to": "taken"}]})"})
        .value();

    // Later operations see what earlier ones have done.
    const BatchDone done =
        client
            .batch({.mode = BatchMode::kAtomic,
                    .ops = {CreateInstance{.machine = "seat", .instance_id = "12A"},
                            CreateInstance{.machine = "seat", .instance_id = "12B"},
                            ApplyEvent{.instance_id = "12A", .event = "TAKE"}}})
            .value();
    const auto& taken = std::get<EventApplied>(done.results[2].value());
    std::cout << "12A is " << taken.to_state << " at offset " << taken.wal_offset << "\n";

    // 12A is taken already, so 12B is not taken either.
    const auto refused = client.batch({.mode = BatchMode::kAtomic,
                                       .ops = {ApplyEvent{.instance_id = "12B", .event = "TAKE"},
                                               ApplyEvent{.instance_id = "12A", .event = "TAKE"}}});
    if (refused.ok() || client.get_instance("12B").value().state != "free") return 1;
    std::cout << "refused at operation " << refused.error().detail("index") << ", nothing kept\n";
    return 0;
  } catch (const RstmdbError& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
