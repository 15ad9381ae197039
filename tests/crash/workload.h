// What the clients send: every kind of write, alone and in batches, some with keys, some with
// expectations, most on the connection's own instances and some on those of others; reads between.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crash/checker.h"
#include "crash/dice.h"

namespace rstmdb::crash {

/// One request, ready to be sent.
struct Outgoing {
  std::optional<Checker::RequestId> request;  // none for a read
  std::string instance_id;                    // of a read
  std::string_view op;
  std::string params;
};

class Workload {
 public:
  Workload(Checker& checker, uint32_t connections, uint64_t seed);

  /// After a restart: forgets what did not survive and takes up what is to be sent again.
  void begin_session();
  /// The next request of `connection`, known to the checker as sent.
  Outgoing next(uint32_t connection);
  /// What came back.
  void answered(uint32_t connection, Checker::RequestId request,
                const std::vector<WriteAnswer>& answers);

 private:
  /// What the clients believe of an instance.
  struct Belief {
    std::string state = std::string(kInitialState);
    uint64_t offset = 0;
  };
  /// A request that may be sent more than once, as it was sent.
  struct Kept {
    std::string_view op;
    std::string params;
  };
  enum class Keys { kNone, kSome, kAll };
  enum class Care { kFree, kLikelyAccepted };

  Outgoing again(uint32_t connection, Checker::RequestId request);
  Outgoing batch(uint32_t connection);
  Outgoing alone(uint32_t connection);
  Outgoing read(uint32_t connection);
  /// A write that may be in a batch; there is a machine.
  uint64_t add_write(uint32_t connection, Keys keys, Care care);
  Write put();
  Write create(uint32_t connection);
  Write apply(uint32_t connection, Care care);
  Write remove(uint32_t connection);
  std::string body();
  const std::string& choose(uint32_t connection);
  void keep(Checker::RequestId request, const Outgoing& outgoing,
            const std::vector<uint64_t>& tags);
  void forget_lost(std::vector<std::string>& ids);

  Checker& checker_;
  Dice dice_;
  std::vector<std::vector<std::string>> instances_;  // per connection, believed to be alive
  std::unordered_map<std::string, Belief> beliefs_;
  std::set<std::string> removed_;     // removals that were sent
  std::deque<std::string> machines_;  // the latest
  std::deque<Checker::RequestId> to_send_again_;
  std::deque<Checker::RequestId> answered_;  // with success throughout, may be repeated
  std::unordered_map<Checker::RequestId, Kept> kept_;
  std::unordered_map<Checker::RequestId, std::vector<uint64_t>> tags_;
};

}  // namespace rstmdb::crash
