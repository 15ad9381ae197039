#include "crash/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/check.h"
#include "crash/history.h"
#include "json/document.h"

extern char** environ;

namespace rstmdb::crash {
namespace {

constexpr std::chrono::seconds kStartTimeMax{60};
constexpr std::chrono::microseconds kLookEvery{1'000};

/// The environment without settings of a server, plus those of this one.
std::vector<std::string> environment_for(const std::string& data, ServerProcess::Http http) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::strncmp(*entry, "RSTMDB_", 7) != 0) variables.emplace_back(*entry);
  }
  variables.push_back("RSTMDB_DATA=" + data);
  variables.emplace_back("RSTMDB_BIND=127.0.0.1:0");
  variables.emplace_back("RSTMDB_WAL_SEGMENT_SIZE_MB=1");
  // COMPACT is asked for when the campaign wants it, and at no other time.
  variables.emplace_back("RSTMDB_COMPACT_ENABLED=false");
  variables.emplace_back("RSTMDB_LOG_FORMAT=json");
  if (http == ServerProcess::Http::kOff) {
    variables.emplace_back("RSTMDB_HTTP_ENABLED=false");
  } else {
    variables.emplace_back("RSTMDB_HTTP_BIND=127.0.0.1:0");
  }
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
  std::vector<std::string> variables = environment_for(options_.data, options_.http);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(variables);
  const std::string log = log_file();
  const pid_t parent = ::getpid();
  spawned_ = Clock::now();
  port_ = http_port_ = 0;
  std::error_code none_yet;
  logged_before_ = static_cast<std::streamoff>(std::filesystem::file_size(log, none_yet));
  if (none_yet) logged_before_ = 0;
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

/// The server says where its HTTP door is before it writes the port file.
Result<void> ServerProcess::read_http_port() {
  if (options_.http == Http::kOff) return {};
  std::ifstream in(log_file());
  in.seekg(logged_before_);
  json::Document line;
  for (std::string text; std::getline(in, text);) {
    if (!line.parse(text).ok() || text_of(line.root(), "msg") != "HTTP is served") continue;
    const std::string address = text_of(line.root(), "address");
    const char* const port = address.data() + address.rfind(':') + 1;
    std::from_chars(port, address.data() + address.size(), http_port_);
  }
  if (http_port_ != 0) return {};
  return Error(Code::kInternalError, "the server does not say where HTTP is served");
}

Result<void> ServerProcess::wait_until_ready() {
  if (becomes_ready_within(kStartTimeMax)) return read_http_port();
  const Result<void> killed = kill();
  if (!killed.ok()) return killed.error();
  return Error(Code::kInternalError, "the server does not listen after 60 s");
}

/// Every thread stands still first: when the power goes, nobody hears what a sync says after it.
Result<void> ServerProcess::cut_power() {
  if (options_.power.empty()) return {};
  ::kill(process_, SIGSTOP);
  int status = 0;
  if (::waitpid(process_, &status, WUNTRACED) != process_ || !WIFSTOPPED(status))
    return Error(Code::kInternalError, "the server does not stand still");
  return power("cut");
}

Result<void> ServerProcess::power(const std::string& word) const {
  if (options_.power.empty()) return {};
  if (std::system((options_.power + " " + word).c_str()) == 0) return {};
  return Error(Code::kInternalError, "the power could not be switched: " + word);
}

Result<void> ServerProcess::kill() {
  RSTMDB_CHECK(process_ > 0, "a server that runs");  // -1 would be every process there is
  const bool ended = ended_within(std::chrono::microseconds(0));
  const Result<void> cut = ended ? Result<void>() : cut_power();
  ::kill(process_, SIGKILL);
  int status = 0;
  ::waitpid(process_, &status, 0);
  ::close(process_descriptor_);
  process_ = -1;
  RSTMDB_TRY(cut);
  RSTMDB_TRY(power("restore"));
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
