#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace rstmdb::client::fake {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(60);

void require(bool condition, const std::string& what) {
  if (condition) return;
  std::perror(what.c_str());
  std::abort();
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// In the child: never returns.
[[noreturn]] void execute(const std::vector<std::string>& words,
                          const std::map<std::string, std::string>& environment) {
  for (const auto& [name, value] : environment) {
    if (value.empty()) {
      ::unsetenv(name.c_str());
    } else {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
  }
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  std::perror(arguments[0]);
  ::_exit(127);
}

/// Feeds `input` and collects both outputs until the child has closed them.
void exchange(int in, int out, int err, const std::string& input, Finished& finished) {
  size_t written = 0;
  const auto deadline = Clock::now() + kPatience;
  bool open[2] = {true, true};
  while ((open[0] || open[1]) && Clock::now() < deadline) {
    pollfd polled[3] = {
        {open[0] ? out : -1, POLLIN, 0}, {open[1] ? err : -1, POLLIN, 0}, {in, POLLOUT, 0}};
    ::poll(polled, 3, 100);
    if (in >= 0 && (polled[2].revents != 0 || written == input.size())) {
      const ssize_t sent = ::write(in, input.data() + written, input.size() - written);
      if (sent > 0) written += static_cast<size_t>(sent);
      if (sent < 0 || written == input.size()) {
        ::close(in);
        in = -1;
      }
    }
    for (int i = 0; i < 2; ++i) {
      if (!open[i] || polled[i].revents == 0) continue;
      char bytes[8192];
      const ssize_t got = ::read(i == 0 ? out : err, bytes, sizeof bytes);
      if (got <= 0) open[i] = false;
      if (got > 0) (i == 0 ? finished.out : finished.err).append(bytes, size_t(got));
    }
  }
  if (in >= 0) ::close(in);
}

}  // namespace

Finished run_process(const std::vector<std::string>& words, const std::string& input,
                     const std::map<std::string, std::string>& environment) {
  ::signal(SIGPIPE, SIG_IGN);
  int in[2];
  int out[2];
  int err[2];
  require(
      ::pipe2(in, O_CLOEXEC) == 0 && ::pipe2(out, O_CLOEXEC) == 0 && ::pipe2(err, O_CLOEXEC) == 0,
      "pipe");
  const pid_t child = ::fork();
  require(child >= 0, "fork");
  if (child == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    ::dup2(err[1], 2);
    ::signal(SIGPIPE, SIG_DFL);
    execute(words, environment);
  }
  ::close(in[0]);
  ::close(out[1]);
  ::close(err[1]);
  Finished finished;
  exchange(in[1], out[0], err[0], input, finished);
  ::close(out[0]);
  ::close(err[0]);
  int status = 0;
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  while (::waitpid(child, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) ::kill(child, SIGKILL);
    std::this_thread::yield();
  }
  finished.exit_code = exit_code_of(status);
  return finished;
}

std::string built_program(const std::string& name) {
  return std::string(RSTMDB_BINARY_DIR) + "/bin/" + name;
}

TemporaryFolder::TemporaryFolder() {
  path_ = std::filesystem::temp_directory_path() / "rstmdb-client-test-XXXXXX";
  require(::mkdtemp(path_.data()) != nullptr, "mkdtemp");
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::write(const std::string& name, const std::string& content) const {
  const std::string path = path_ + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

RealServer::RealServer() { start(0); }
RealServer::~RealServer() { stop(SIGTERM); }

void RealServer::restart() {
  stop(SIGKILL);
  start(port_);
}

void RealServer::start(uint16_t port) {
  const std::string port_file = folder_.path() + "/port";
  std::filesystem::remove(port_file);
  process_ = ::fork();
  require(process_ >= 0, "fork");
  if (process_ == 0) {
    // The log goes to a file, so that a failing test can show it.
    const int log =
        ::open((folder_.path() + "/server.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(log, 1);
    ::dup2(log, 2);
    execute({built_program("rstmdb"), "--port-file", port_file},
            {{"RSTMDB_BIND", "127.0.0.1:" + std::to_string(port)},
             {"RSTMDB_DATA", folder_.path() + "/data"},
             {"RSTMDB_HTTP_ENABLED", "false"},
             {"RSTMDB_CONFIG", ""}});
  }
  const auto deadline = Clock::now() + kPatience;
  int read = 0;
  while (read == 0) {
    require(Clock::now() < deadline && ::waitpid(process_, nullptr, WNOHANG) == 0,
            "the server does not start");
    std::ifstream(port_file) >> read;
    std::this_thread::yield();
  }
  port_ = static_cast<uint16_t>(read);
}

void RealServer::stop(int signal) {
  if (process_ <= 0) return;
  ::kill(process_, signal);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
}

}  // namespace rstmdb::client::fake
