// The next few requests of a connection, read before the first of them is carried out: what they
// are about is then on its way into the processor's cache while others are at work. With many
// instances, waiting for memory is most of what a request would cost. Connections that have sent
// one request each are read ahead together, see Server::handle_arrived.
//
// No client can tell: requests are carried out one after the other, and what another one's outcome
// may change (the dialect, the largest frame) is not read ahead.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "api/operation.h"
#include "base/result.h"
#include "json/document.h"
#include "wire/frame.h"
#include "wire/message.h"

namespace rstmdb::server {

class ReadAhead {
 public:
  static constexpr size_t kRequestsMax = 16;
  enum class Depth { kOne, kMany };

  struct Entry {
    wire::Frame frame;
    json::Document document;
    std::optional<Result<wire::Request>> request;  // views into the document
    std::string_view id;                           // for the answer to what is no request; or ""
    const api::OperationRow* row = nullptr;        // null: there is no such operation
  };

  /// Reads whole frames from the front of `input`, which stays where it is until they have been
  /// carried out; none when there is less than one. kMany is for connections whose dialect and
  /// rights are settled: it stops behind a request that may change them.
  void read(wire::FrameReader& frames, std::string_view input, Depth depth);
  std::span<Entry> entries() { return {entries_.data(), count_}; }
  /// Why nothing behind the entries can be read, ever.
  const std::optional<Error>& broken() const { return broken_; }

  /// Gives back the memory that requests longer than this needed, handled or not.
  void forget_large(size_t kept_payload_bytes);

  /// Writes the ids of the instances that the requests name to the front of `ids`, as far as there
  /// is room, and says how many. They are views into the entries.
  size_t name_instances(std::span<std::string_view> ids) const;

 private:
  std::array<Entry, kRequestsMax> entries_;
  size_t count_ = 0;
  std::optional<Error> broken_;
};

/// The memory for reading ahead, shared by all sessions of a server: they take turns, except that
/// the end of one request can set others going. On the loop's thread.
class ReadAheads {
 public:
  class Lease {
   public:
    /// `ahead` has been taken from `from`.
    Lease(ReadAheads& from, std::unique_ptr<ReadAhead> ahead)
        : from_(from), ahead_(std::move(ahead)) {}
    ~Lease() {
      ahead_->forget_large(kKeptPayloadBytes);
      from_.idle_.push_back(std::move(ahead_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ReadAhead* operator->() { return ahead_.get(); }
    ReadAhead& operator*() { return *ahead_; }

   private:
    static constexpr size_t kKeptPayloadBytes = 16 * 1024;
    ReadAheads& from_;
    std::unique_ptr<ReadAhead> ahead_;
  };

  /// The caller's own until it makes a lease of it.
  std::unique_ptr<ReadAhead> take();

 private:
  std::vector<std::unique_ptr<ReadAhead>> idle_;
};

}  // namespace rstmdb::server
