// One TLS session as bytes to bytes: ciphertext goes in and comes out through memory, no socket and
// no clock. What OpenSSL needs, and nothing of streams.
//
// Not thread-safe, but no thread's own: a handshake may step on a worker while nobody else touches
// the object.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/net.h"
#include "io/tls_context.h"

struct ssl_st;

namespace rstmdb::io {

class TlsEngine {
 public:
  enum class Outcome : uint8_t { kDone, kWantsInput, kEnded, kFailed };

  /// The server's side, by `context` as it is now.
  explicit TlsEngine(const TlsContext& context);
  ~TlsEngine();
  TlsEngine(const TlsEngine&) = delete;
  TlsEngine& operator=(const TlsEngine&) = delete;

  /// Ciphertext to work on next. A view: it stays where it is until input_left() is 0.
  void give(std::string_view cipher) { input_ = cipher; }
  size_t input_left() const { return input_.size(); }
  /// Ciphertext for the peer; the caller takes it out after every call below.
  std::string& output() { return output_; }

  /// One step; kDone, kWantsInput or kFailed.
  Outcome handshake();
  /// Fills `plain` as far as the input goes and says by how much. kDone: filled, or (with a `size`
  /// of less) more may be there; kEnded: the peer has said that it is done.
  Outcome read(std::span<char> plain, size_t& size);
  /// Makes one record of the front of `plain` and says how much that took; 0 when it has failed.
  size_t write(std::string_view plain);
  /// Says that we are done.
  void end();

  /// Why the last call has failed.
  const std::string& failure() const { return failure_; }
  /// Whose certificate was shown and verified.
  Result<PeerIdentity> identity() const;
  bool accepted_by(const TlsContext& context) const;
  /// Whether the handshake goes by `context`, and not by one that it has replaced.
  bool goes_by(const TlsContext& context) const;

 private:
  friend struct MemoryBio;
  struct Free {
    void operator()(ssl_st* ssl) const;
  };
  Outcome judge(int result);

  std::unique_ptr<ssl_st, Free> ssl_;
  std::string_view input_;
  std::string output_;
  std::string failure_;
};

}  // namespace rstmdb::io
