// One call of the contract (an operation and its parameters by their names on the wire) made
// through the client's method for it.
#pragma once

#include <functional>
#include <string>

#include "rstmdb/client.h"

namespace rstmdb::conformance {

/// Told once, on any thread, what the call has given.
using Answer = std::function<void(const client::Result<std::string>&)>;

/// Starts the call without waiting for it. Fails with kArgument when there is no such method.
void start_call(client::Client& client, std::string_view op, const client::Json& params,
                Answer answer);
/// The same through Client::call(), with the parameters as they are.
void start_raw_call(client::Client& client, std::string_view op, const client::Json& params,
                    Answer answer);

client::Result<client::Subscription> open_watch(client::Client& client, std::string_view op,
                                                const client::Json& params);

}  // namespace rstmdb::conformance
