// The hot path of a state machine database and nothing else: what is left when everything that
// makes a database of it is taken away. One thread reads frames, checks and parses them, looks
// instances up, merges contexts, writes what changed to a file of zeros with one fdatasync a turn,
// and answers. There are no machines, guards, keys, batches, rights, timeouts, watchers, snapshots,
// segments or recovery, and it believes whatever it is asked. A server's numbers mean most beside
// this one's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bare/population.h"
#include "json/document.h"
#include "wire/frame.h"

namespace rstmdb::bench {

class BareLoop {
 public:
  struct Options {
    std::string folder;
    uint32_t instances = 100'000;
    size_t context_bytes = 150;
  };

  /// Fills memory and the file; listens on a port of 127.0.0.1 that the system chooses.
  static Result<std::unique_ptr<BareLoop>> open(const Options& options);
  ~BareLoop();

  uint16_t port() const { return port_; }
  /// Serves until a system call fails.
  Result<void> run();

 private:
  static constexpr size_t kAtOnce = 16;  // requests that are parsed before they are carried out

  struct Connection {
    int descriptor = -1;
    std::string in;
    size_t filled = 0;  // of `in`
    std::string out;
    wire::FrameReader frames{wire::Dialect::kRcpx, 1024 * 1024};
  };
  struct Parsed {
    json::Document document;
    BareInstance* instance = nullptr;
  };

  explicit BareLoop(const Options& options)
      : population_(options.instances, options.context_bytes) {}
  Result<void> listen();
  Result<void> make_file(const std::string& folder);
  Result<void> accept();
  Result<bool> receive(Connection& connection);
  Result<void> handle(Connection& connection);
  Result<size_t> parse_some(Connection& connection, size_t from, size_t& count);
  void carry_out(Parsed& parsed, std::string& out);
  void apply(BareInstance& instance, std::string_view payload);
  Result<void> flush();
  Result<void> answer();

  BarePopulation population_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> touched_;  // in this turn
  std::vector<Parsed> parsed_ = std::vector<Parsed>(kAtOnce);
  std::string log_;     // of this turn
  std::string merged_;
  uint64_t offset_ = 0;
  size_t file_at_ = 0;
  int file_ = -1;
  int listener_ = -1;
  int epoll_ = -1;
  uint16_t port_ = 0;
};

}  // namespace rstmdb::bench
