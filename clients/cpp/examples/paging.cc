// Walking over many instances page by page, with a cursor: the cost of each page is its own length,
// and nothing is left out or shown twice when others write meanwhile.
//   paging HOST PORT
#include <cstdlib>
#include <iostream>
#include <string>

#include "rstmdb/client.h"

using namespace rstmdb::client;

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    Client client =
        Client::connect({.host = argv[1], .port = static_cast<uint16_t>(std::atoi(argv[2]))})
            .value();
    client
        .put_machine({.machine = "ticket", .version = 1, .definition = R"({
          "states": ["open", "closed"],
          "initial": "open",
          "transitions": [{"from": "open", "event": "CLOSE", "to": "closed"}]})"})
        .value();
    Batch batch{.mode = BatchMode::kAtomic};
    for (int i = 0; i < 25; ++i) {
      batch.ops.push_back(
          CreateInstance{.machine = "ticket", .instance_id = "ticket-" + std::to_string(i)});
    }
    client.batch(batch).value();

    int instances = 0;
    int pages = 0;
    ListInstances list{.machine = "ticket", .state = "open", .limit = 10};
    do {
      const InstancePage page = client.list_instances(list).value();
      instances += static_cast<int>(page.instances.size());
      ++pages;
      list.cursor = page.next_cursor;
    } while (!list.cursor.empty());
    std::cout << instances << " instances on " << pages << " pages\n";
    return 0;
  } catch (const RstmdbError& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
