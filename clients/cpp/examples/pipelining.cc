// A thousand calls under way at the same time on one connection.
//   pipelining HOST PORT
#include <cstdlib>
#include <iostream>
#include <vector>

#include "rstmdb/client.h"

using namespace rstmdb::client;

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
            {"from": "off", "event": "SWITCH", "to": "on"},
            {"from": "on", "event": "SWITCH", "to": "off"}
          ]})"})
        .value();
    client.create_instance({.machine = "lamp", .instance_id = "lamp-1"}).value();

    // Calls on one instance take effect in the order in which they are made.
    std::vector<Future<EventApplied>> answers;
    for (int i = 0; i < 1000; ++i) {
      answers.push_back(client.apply_event_async({.instance_id = "lamp-1", .event = "SWITCH"}));
    }
    int errors = 0;
    for (size_t i = 0; i < answers.size(); ++i) {
      const Result<EventApplied> answer = answers[i].get();
      const char* const expected = i % 2 == 0 ? "on" : "off";
      if (!answer.ok() || answer->to_state != expected) ++errors;
    }
    std::cout << answers.size() << " answers, " << errors << " errors\n";
    return errors == 0 ? 0 : 1;
  } catch (const RstmdbError& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
