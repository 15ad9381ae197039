// A network in memory, on a SimulatedLoop. The server's side is a Net like any other; the client's
// side is a SimulatedPeer, which a test drives by hand:
//
//   SimulatedLoop loop({.seed = seed});
//   SimulatedNet net(loop, {.seed = seed, .slice_bytes_max = 3, .delay_ms_max = 5});
//   auto listener = net.listen("127.0.0.1:0", accept);
//   auto peer = net.connect((*listener)->address()).value();
//   peer->send("…");
//   ASSERT_TRUE(loop.run_until([&] { return peer->received().size() >= 12; }, 1'000));
//
// What the seed decides: after which delay and in which slices bytes arrive, and how many of them a
// write takes. Bytes never change order and are never lost, except by a reset.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "io/net.h"
#include "io/simulated_loop.h"

namespace rstmdb::io {

/// The client's end of a simulated connection. Nothing here calls back.
class SimulatedPeer {
 public:
  virtual ~SimulatedPeer() = default;  // as close()
  /// Sends all of `bytes`, as the server's window allows.
  virtual void send(std::string_view bytes) = 0;
  /// Bytes given to send() that have not reached the server's side.
  virtual size_t unsent() const = 0;
  /// Everything that has arrived, in order. A test may take from it.
  virtual std::string& received() = 0;
  /// Stops taking bytes, so that the window fills and the server's writes become short.
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Ends the sending side after what was given to send(); receiving goes on.
  virtual void finish() = 0;
  /// Ends both sides after what was given to send(); bytes that arrive later are answered by a
  /// reset, as a closed socket does.
  virtual void close() = 0;
  /// Breaks the connection; bytes on their way are lost.
  virtual void reset() = 0;
  /// Whether the server has ended its side in order, or has broken the connection.
  virtual bool ended() const = 0;
  virtual bool was_reset() const = 0;
};

/// The same on a way that may misbehave.
class SimulatedLink : public SimulatedPeer {
 public:
  /// `tell` runs after bytes or an end have arrived.
  virtual void on_change(std::function<void()> tell) = 0;

  /// Nothing arrives any more, in neither direction, until release(): a slow way, or for ever one
  /// of which neither side hears that it is broken.
  virtual void hold() = 0;
  virtual void release() = 0;
  /// Breaks it for both sides; what is on its way is lost.
  virtual void cut() = 0;
};

struct SimulatedWires;  // what listeners and both ends of connections share

class SimulatedNet final : public Net {
 public:
  struct Options {
    uint64_t seed = 1;
    size_t slice_bytes_max = 0;  // of a delivery or a write; 0: as much as fits
    // So many bytes are sliced, then a piece of up to kWholeBytesMax is not, and so on; 0: all are.
    // A byte at a time costs a thousand times as much as it shows.
    size_t sliced_bytes = 0;
    int64_t delay_ms_max = 0;          // of a delivery
    size_t window_bytes = 256 * 1024;  // sent and not taken by the reader, per direction
  };
  static constexpr size_t kWholeBytesMax = 4096;
  SimulatedNet(SimulatedLoop& loop, Options options);
  explicit SimulatedNet(SimulatedLoop& loop) : SimulatedNet(loop, Options{}) {}
  ~SimulatedNet() override;

  /// Hosts are IP addresses or localhost; port 0 takes the next free one.
  Result<std::unique_ptr<Listener>> listen(std::string_view address, Accept on_accept) override;
  /// Connects to a listener's address, from the same host or from another one. Fails with kNotFound
  /// when nobody listens there.
  Result<std::unique_ptr<SimulatedLink>> connect(std::string_view address,
                                                 std::string_view from_host = {});
  /// The server's machine is gone: nothing that it writes from now on leaves it. Of what was on its
  /// way a part arrives at once, for each connection as much as the seed says, and then its end.
  void lose_server();
  /// Delivers in other slices and delays from now on; see Options.
  void set_pace(size_t slice_bytes_max, int64_t delay_ms_max);

 private:
  std::shared_ptr<SimulatedWires> wires_;  // shared with listeners, which may outlive the net
};

}  // namespace rstmdb::io
