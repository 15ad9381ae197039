// The shortest whole story: a machine, an instance, an event.
//   quickstart HOST PORT
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
    const MachineStored machine =
        client
            .put_machine({.machine = "door", .version = 1, .definition = R"({
              "states": ["closed", "open"],
              "initial": "closed",
              "transitions": [
                {"from": "closed", "event": "OPEN", "to": "open"},
                {"from": "open", "event": "CLOSE", "to": "closed"}
              ]})"})
            .value();
    std::cout << "machine " << machine.machine << " " << machine.version << "\n";

    // Without an id the server makes one.
    const InstanceCreated door =
        client.create_instance({.machine = "door", .initial_ctx = R"({"room":"kitchen"})"}).value();
    std::cout << "created in state " << door.state << "\n";

    const EventApplied opened =
        client.apply_event({.instance_id = door.instance_id, .event = "OPEN"}).value();
    std::cout << opened.from_state << " -> " << opened.to_state << "\n";

    const Instance now = client.get_instance(door.instance_id).value();
    const Json ctx = Json::parse(now.ctx).value();
    std::cout << "room " << ctx["room"].string() << " is " << now.state << "\n";
    return 0;
  } catch (const RstmdbError& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
