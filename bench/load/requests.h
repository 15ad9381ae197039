// What the load sends: a machine whose event always applies, its instances, and requests that cost
// the sender little.
//
//   machine `cycle`: a ─GO─► b ─GO─► a
//   instance `i-00000042`, context of 150 bytes; an event replaces one of its members
#pragma once

#include <cstdint>
#include <string>

namespace rstmdb::bench {

enum class Operation { kApplyEvent, kGetInstance };

/// Appends a whole RCPX frame. `id` comes back in the answer.
void append_request(std::string& out, Operation operation, uint32_t id, uint32_t instance,
                    uint32_t number);
void append_put_machine(std::string& out);
/// BATCH that creates the instances from `first` up to, not including, `end`; at most 100.
void append_create(std::string& out, uint32_t first, uint32_t end);
void append_hello(std::string& out);

}  // namespace rstmdb::bench
