// Child processes for tests: run one to its end, or keep one running.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

namespace rstmdb::client::fake {

struct Finished {
  int exit_code = -1;  // 128 + the signal's number when one ended it
  std::string out;
  std::string err;
};

/// Runs `words` with the given standard input and variables added to the environment ("" unsets);
/// kills it after a minute.
Finished run_process(const std::vector<std::string>& words, const std::string& input = "",
                     const std::map<std::string, std::string>& environment = {});

/// A program of this build: `bin/NAME` of the build folder.
std::string built_program(const std::string& name);

/// A new folder, removed with this object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  /// Writes a file in it and gives its path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

/// The real server on a free port of loopback with a data folder of its own.
class RealServer {
 public:
  RealServer();
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  /// kill -9, then a new process on the same port and data.
  void restart();

 private:
  void start(uint16_t port);
  void stop(int signal);
  TemporaryFolder folder_;
  pid_t process_ = -1;
  uint16_t port_ = 0;
};

}  // namespace rstmdb::client::fake
