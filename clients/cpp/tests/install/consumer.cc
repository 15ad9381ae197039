// A user's program: includes every public header and calls into the library.
#include <rstmdb/client.h>

#include <iostream>

int main() {
  using namespace rstmdb::client;
  const auto refused = Client::connect({.host = "127.0.0.1", .port = 1});
  if (refused.ok() || refused.error().kind() != ErrorKind::kConnection) return 1;
  const Json json = Json::parse(R"({"a":[1,2]})").value();
  if (json.at("a[1]").as_int64() != 2) return 1;
  std::cout << "rstmdb " << library_version() << "\n";
  return 0;
}
