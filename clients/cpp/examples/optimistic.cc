// Reading, deciding and writing without a lock: the write names the offset that was read, and is
// refused if anyone was quicker. Four threads add to one balance.
//   optimistic HOST PORT
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "rstmdb/client.h"

using namespace rstmdb::client;

namespace {

/// Adds one to the balance; tries again as long as others come in between.
void add_one(Client& client) {
  while (true) {
    const Instance account = client.get_instance("account-1").value();
    const int64_t balance = Json::parse(account.ctx).value()["balance"].as_int64().value_or(0);
    const Result<EventApplied> done =
        client.apply_event({.instance_id = "account-1",
                            .event = "SET",
                            .payload = R"({"balance":)" + std::to_string(balance + 1) + "}",
                            .expected_wal_offset = account.last_wal_offset});
    if (done.ok()) return;
    if (done.error().code() != ErrorCode::kConflict) throw_error(done.error());
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    Client client =
        Client::connect({.host = argv[1], .port = static_cast<uint16_t>(std::atoi(argv[2]))})
            .value();
    client
        .put_machine({.machine = "account", .version = 1, .definition = R"({
          "states": ["open"],
          "initial": "open",
          "transitions": [{"from": "open", "event": "SET", "to": "open"}]})"})
        .value();
    client
        .create_instance(
            {.machine = "account", .instance_id = "account-1", .initial_ctx = R"({"balance":0})"})
        .value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&client] {
        for (int i = 0; i < 10; ++i) add_one(client);
      });
    }
    for (std::thread& thread : threads) thread.join();
    const Instance account = client.get_instance("account-1").value();
    std::cout << "balance " << Json::parse(account.ctx).value()["balance"].number_text() << "\n";
    return 0;
  } catch (const RstmdbError& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
