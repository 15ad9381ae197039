#include "crash/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <vector>

extern char** environ;

namespace rstmdb::crash {
namespace {

constexpr std::chrono::seconds kStartTimeMax{60};
constexpr std::chrono::microseconds kLookEvery{1'000};

/// The environment without settings of a server, plus those of this one.
std::vector<std::string> environment_for(const std::string& folder) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "RSTMDB_", 7) != 0) variables.emplace_back(*entry);
  }
  variables.push_back("RSTMDB_DATA=" + folder + "/data");
  variables.emplace_back("RSTMDB_BIND=127.0.0.1:0");
  variables.emplace_back("RSTMDB_WAL_SEGMENT_SIZE_MB=1");
  // COMPACT is asked for when the campaign wants it, and at no other time.
  variables.emplace_back("RSTMDB_COMPACT_ENABLED=false");
  variables.emplace_back("RSTMDB_LOG_FORMAT=json");
  variables.emplace_back("RSTMDB_HTTP_ENABLED=false");
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "by signal " + std::to_string(WTERMSIG(status));
  return "with exit code " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

ServerProcess::ServerProcess(Options options) : options_(std::move(options)) {}

ServerProcess::~ServerProcess() {
  if (process_ > 0) (void)kill();
}

Result<void> ServerProcess::spawn() {
  std::filesystem::remove(port_file());
  std::vector<std::string> arguments = {options_.program, "--port-file", port_file()};
  std::vector<std::string> variables = environment_for(options_.folder);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  const std::string log = log_file();
  const pid_t parent = ::getpid();
  spawned_ = Clock::now();
  port_ = 0;
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (::getppid() != parent || out < 0) ::_exit(126);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  if (process_ < 0) return Error(Code::kInternalError, "cannot fork");
  process_descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, process_, 0));
  if (process_descriptor_ < 0) return Error(Code::kInternalError, "cannot watch the server");
  return {};
}

bool ServerProcess::ended_within(std::chrono::microseconds time) const {
  pollfd waiting{process_descriptor_, POLLIN, 0};
  const timespec patience{time.count() / 1'000'000, (time.count() % 1'000'000) * 1'000};
  return ::ppoll(&waiting, 1, &patience, nullptr) > 0;
}

bool ServerProcess::read_port() {
  std::ifstream in(port_file());
  unsigned port = 0;
  if (!(in >> port)) return false;
  port_ = static_cast<uint16_t>(port);
  start_time_ = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - spawned_);
  return true;
}

bool ServerProcess::becomes_ready_within(std::chrono::microseconds time) {
  const auto deadline = Clock::now() + time;
  while (!read_port()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::microseconds>(deadline - Clock::now());
    if (left.count() <= 0 || ended_within(std::min(left, kLookEvery))) return read_port();
  }
  return true;
}

Result<void> ServerProcess::wait_until_ready() {
  if (becomes_ready_within(kStartTimeMax)) return {};
  const Result<void> killed = kill();
  if (!killed.ok()) return killed.error();
  return Error(Code::kInternalError, "the server does not listen after 60 s");
}

Result<void> ServerProcess::kill() {
  const bool ended = ended_within(std::chrono::microseconds(0));
  ::kill(process_, SIGKILL);
  int status = 0;
  ::waitpid(process_, &status, 0);
  ::close(process_descriptor_);
  process_ = -1;
  if (!ended) return {};
  return Error(Code::kInternalError, "the server ended by itself, " + how_it_ended(status));
}

std::string ServerProcess::take_log() {
  std::ifstream in(log_file());
  in.seekg(static_cast<std::streamoff>(log_taken_));
  std::string text(std::istreambuf_iterator<char>(in), {});
  log_taken_ += text.size();
  return text;
}

}  // namespace rstmdb::crash
