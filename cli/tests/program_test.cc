// The program itself: what it prints, and how it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "fake_server.h"
#include "process.h"

namespace rstmdb::cli {
namespace {

using client::fake::built_program;
using client::fake::FakeServer;
using client::fake::Finished;
using client::fake::Peer;
using client::fake::RealServer;
using client::fake::Received;
using client::fake::run_process;
using client::fake::TemporaryFolder;
using testing::HasSubstr;

constexpr const char* kDoor = R"({
  "states": ["closed", "open"],
  "initial": "closed",
  "transitions": [
    {"from": "closed", "event": "OPEN", "to": "open", "guard": "ctx.locked != true"},
    {"from": "open", "event": "CLOSE", "to": "closed"}
  ]
})";

Finished run(std::vector<std::string> words, const std::string& server,
             const std::string& input = "", std::map<std::string, std::string> environment = {}) {
  words.insert(words.begin(), built_program("rstmdb-cli"));
  environment.insert({{"RSTMDB_SERVER", server},
                      {"RSTMDB_TOKEN", ""},
                      {"RSTMDB_TLS", ""},
                      {"RSTMDB_CA_CERT", ""}});
  return run_process(words, input, environment);
}

std::string address_of(const FakeServer& server) {
  return "127.0.0.1:" + std::to_string(server.port());
}

/// One server for all tests of this kind; each uses names of its own.
class Program : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new RealServer();
    Finished put = run({"put-machine", "-n", "door", "-v", "1", "-"}, server_->address(), kDoor);
    ASSERT_EQ(put.exit_code, 0) << put.err;
  }
  static void TearDownTestSuite() { delete server_; }
  static Finished cli(const std::vector<std::string>& words, const std::string& input = "") {
    return run(words, server_->address(), input);
  }
  static RealServer* server_;
  TemporaryFolder folder_;
};
RealServer* Program::server_ = nullptr;

TEST_F(Program, PingAndInfo) {
  const Finished ping = cli({"ping"});
  EXPECT_EQ(ping.out, "pong\n");
  EXPECT_EQ(ping.err, "");
  EXPECT_EQ(ping.exit_code, 0);
  EXPECT_THAT(cli({"info"}).out, HasSubstr("server_name"));
  EXPECT_EQ(cli({"--json", "ping"}).out, "{\"pong\":true}\n");
  EXPECT_EQ(cli({"ping", "--json"}).out, "{\"pong\":true}\n");
}

TEST_F(Program, MachinesAreShownAsTables) {
  EXPECT_THAT(cli({"list-machines"}).out, HasSubstr("MACHINE  VERSIONS\ndoor     1\n"));
  const Finished shown = cli({"get-machine", "door"});
  EXPECT_THAT(shown.out, HasSubstr("\"initial\": \"closed\""));
  EXPECT_EQ(cli({"get-machine", "-n", "door", "-v", "1"}).out, shown.out);
  const Finished again = cli({"put-machine", "-n", "door", "-v", "1", "-"});
  EXPECT_EQ(again.exit_code, 2) << "standard input is empty";
}

TEST_F(Program, AnInstanceThroughItsLife) {
  const Finished made = cli({"create-instance", "-m", "door", "-i", "d1", "-c", R"({"n":0.10})"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("state        closed\n"));
  const Finished opened = cli({"apply-event", "-i", "d1", "-e", "OPEN", "-p", R"({"by":"me"})"});
  EXPECT_THAT(opened.out, testing::StartsWith("closed -> open\noffset "));
  EXPECT_THAT(opened.out, HasSubstr("context {\n  \"n\": 0.10,\n  \"by\": \"me\"\n}\n"));
  const Finished json = cli({"--json", "get-instance", "d1"});
  EXPECT_THAT(json.out, HasSubstr(R"("ctx":{"n":0.10,"by":"me"})"));
  const Finished list = cli({"list-instances", "--machine", "door", "--state", "open"});
  EXPECT_THAT(list.out, HasSubstr("d1        door     1        open"));
  EXPECT_THAT(cli({"wal-read", "-l", "1"}).out, HasSubstr("put_machine"));
  EXPECT_THAT(cli({"wal-stats"}).out, HasSubstr("latest_offset"));
  EXPECT_EQ(cli({"delete-instance", "d1"}).exit_code, 0);
}

TEST_F(Program, AHistoryIsShownNewestFirstAndGoesOn) {
  EXPECT_EQ(cli({"create-instance", "-m", "door", "-i", "h1"}).exit_code, 0);
  EXPECT_EQ(cli({"apply-event", "-i", "h1", "-e", "OPEN", "-p", R"({"by":"me"})"}).exit_code, 0);
  EXPECT_EQ(cli({"delete-instance", "h1"}).exit_code, 0);
  const Finished all = cli({"history", "h1"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.out,
              testing::MatchesRegex("OFFSET +TIME +EVENT +FROM +TO +PAYLOAD *\n"
                                    "[0-9]+ +[0-9]+-[^\n]* \\(delete_instance\\) +open +- *\n"
                                    "[0-9]+ +[^\n]* OPEN +closed +open +\\{\"by\":\"me\"\\}\n"
                                    "[0-9]+ +[^\n]* \\(create_instance\\) +- +closed *\n"));
  const Finished newest = cli({"history", "h1", "-l", "1"});
  EXPECT_THAT(newest.out, HasSubstr("(delete_instance)"));
  const size_t at = newest.out.find("--before-offset ");
  ASSERT_NE(at, std::string::npos) << newest.out;
  const std::string next = newest.out.substr(at + 16, newest.out.find(')', at) - at - 16);
  const Finished older = cli({"history", "h1", "--before-offset", next, "--json", "--no-ctx"});
  EXPECT_THAT(older.out, HasSubstr(R"("complete":true)"));
  EXPECT_THAT(older.out, testing::Not(HasSubstr("delete_instance")));
  EXPECT_THAT(older.out, testing::Not(HasSubstr("ctx")));
  EXPECT_EQ(cli({"history", "nobody"}).exit_code, 1);
}

TEST_F(Program, CountsAreShownByState) {
  EXPECT_EQ(cli({"create-instance", "-m", "door", "-i", "c1"}).exit_code, 0);
  const Finished counted = cli({"count", "door"});
  EXPECT_EQ(counted.exit_code, 0) << counted.err;
  EXPECT_THAT(counted.out, testing::ContainsRegex("STATE +INSTANCES\nclosed +[1-9]"));
  EXPECT_THAT(counted.out, testing::ContainsRegex("[1-9][0-9]* instances? at offset [0-9]+\n"));
  EXPECT_EQ(cli({"count", "-m", "door", "-v", "1"}).out, counted.out);
  EXPECT_EQ(cli({"count", "door", "-v", "2"}).exit_code, 1);
  EXPECT_EQ(cli({"list-machines", "door"}).exit_code, 0);
  EXPECT_EQ(cli({"list-machines", "nobody"}).exit_code, 1);
}

TEST_F(Program, ARefusalIsExitCode1WithDetails) {
  const Finished none = cli({"get-instance", "nobody"});
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, testing::StartsWith("error: INSTANCE_NOT_FOUND: "));
  const Finished json = cli({"--json", "get-instance", "nobody"});
  EXPECT_EQ(json.exit_code, 1);
  EXPECT_EQ(json.out, "");
  EXPECT_THAT(json.err, HasSubstr(R"("code":"INSTANCE_NOT_FOUND")"));
}

TEST_F(Program, WatchShowsThePastAndEndsWellWhenInterrupted) {
  for (const char* event : {"OPEN", "CLOSE"}) {
    if (event == std::string("OPEN")) {
      EXPECT_EQ(cli({"create-instance", "-m", "door", "-V", "1", "-i", "watched"}).exit_code, 0);
    }
    EXPECT_EQ(cli({"apply-event", "-i", "watched", "-e", event}).exit_code, 0);
  }
  EXPECT_EQ(cli({"delete-instance", "watched"}).exit_code, 0);
  const std::string out = folder_.path() + "/out";
  const std::string script =
      "\"$1\" -s \"$2\" watch-all --after-offset 0 --kinds "
      "transition,create,delete >\"$3\" & "
      "until grep -q 'watched.*delete' \"$3\"; do :; done; "
      "kill -INT $!; wait $!; echo \"exit code $?\"";
  const Finished done = run_process(
      {"/bin/sh", "-c", script, "sh", built_program("rstmdb-cli"), server_->address(), out});
  EXPECT_EQ(done.out, "exit code 0\n") << done.err;
  std::ifstream file(out);
  const std::string shown((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(shown, HasSubstr("watched  (none) -> closed  create\n"));
  EXPECT_THAT(shown, HasSubstr("watched  closed -> open  OPEN\n"));
  EXPECT_THAT(shown, HasSubstr("watched  open -> closed  CLOSE\n"));
  EXPECT_THAT(shown, HasSubstr("watched  closed -> (none)  delete\n"));
  EXPECT_THAT(cli({"watch-instance", "nobody"}).err, HasSubstr("INSTANCE_NOT_FOUND"));
}

TEST_F(Program, AKeyMakesARepetitionSafe) {
  ASSERT_EQ(cli({"create-instance", "-m", "door", "-i", "keyed"}).exit_code, 0);
  const std::vector<std::string> open = {"apply-event",       "-i", "keyed", "-e", "OPEN",
                                         "--idempotency-key", "k1"};
  EXPECT_EQ(cli(open).exit_code, 0);
  const Finished again = cli(open);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("already applied"));
}

TEST_F(Program, UsageErrorsAreExitCode2) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"nonsense"},
           {"get-instance"},
           {"get-instance", "a", "b"},
           {"list-instances", "--limit", "-1"},
           {"list-instances", "--limit", "many"},
           {"--wire-mode", "morse", "ping"},
           {"-s", "host:port:1", "ping"},
           {"graph", "door", "--format", "png"},
           {"put-machine", "-n", "door", "-v", "1", "/nowhere/door.json"},
           {"create-instance", "-m", "door", "-c", "@/nowhere/ctx.json"},
           {"create-instance", "-m", "door", "-c", "@/"},
           {"validate", "/"},
           {"--timeout", "0", "ping"},
           {"--client-key", "/nowhere/key.pem", "ping"},
           {"--tls", "--ca-cert", "/nowhere/ca.pem", "ping"}}) {
    const Finished done = cli(words);
    EXPECT_EQ(done.exit_code, 2) << words[0] << "\n" << done.out << done.err;
    EXPECT_THAT(done.err, testing::StartsWith("error: "));
  }
}

TEST_F(Program, BadJsonIsShownWithACaret) {
  const Finished inline_value = cli({"create-instance", "-m", "door", "-c", R"({"a": tru})"});
  EXPECT_EQ(inline_value.exit_code, 2);
  EXPECT_THAT(inline_value.err, HasSubstr(" | {\"a\": tru}\n"));
  EXPECT_THAT(inline_value.err, HasSubstr("^\n"));
  const std::string file = folder_.write("ctx.json", "{\n  \"a\": 1,\n}\n");
  const Finished from_file = cli({"create-instance", "-m", "door", "-c", "@" + file});
  EXPECT_EQ(from_file.exit_code, 2);
  EXPECT_THAT(from_file.err, HasSubstr(file + ":3:1\n  3 | }\n    | ^\n"));
}

TEST_F(Program, InputThatDoesNotEndIsRefused) {
  const Finished file = run({"validate", "/dev/zero"}, "127.0.0.1:1");
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_THAT(file.err, HasSubstr("/dev/zero is longer than 16 MiB"));
  const Finished pipe = run_process(
      {"/bin/sh", "-c", R"("$1" validate - </dev/zero)", "sh", built_program("rstmdb-cli")});
  EXPECT_EQ(pipe.exit_code, 2);
  EXPECT_THAT(pipe.err, HasSubstr("standard input is longer than 16 MiB"));
}

TEST_F(Program, AnInputErrorIsALineOfJsonWhenAskedFor) {
  const Finished done = cli({"--json", "create-instance", "-m", "door", "-c", "{\n]"});
  EXPECT_EQ(done.exit_code, 2);
  EXPECT_THAT(done.err, testing::StartsWith(R"({"error":{"kind":"argument","code":null,)"));
  EXPECT_EQ(done.err.find('\n'), done.err.size() - 1);
}

TEST_F(Program, AResultThatIsNotTakenIsExitCode6) {
  ASSERT_EQ(cli({"create-instance", "-m", "door", "-i", "full"}).exit_code, 0);
  ASSERT_EQ(cli({"apply-event", "-i", "full", "-e", "OPEN"}).exit_code, 0);
  for (const char* command : {"get-instance full", "--json get-instance full", "graph door",
                              "watch-all --after-offset 0", "--json watch-all --after-offset 0"}) {
    const std::string script = R"("$1" -s "$2" )" + std::string(command) + " >/dev/full";
    const Finished done = run_process(
        {"/bin/sh", "-c", script, "sh", built_program("rstmdb-cli"), server_->address()});
    EXPECT_EQ(done.exit_code, 6) << command;
    EXPECT_THAT(done.err, HasSubstr("standard output does not take the result")) << command;
  }
  const Finished lines = run_process({"/bin/sh", "-c", R"("$1" -s "$2" >/dev/full)", "sh",
                                      built_program("rstmdb-cli"), server_->address()},
                                     "ping\ndelete-instance full\n");
  EXPECT_EQ(lines.exit_code, 6);
  EXPECT_EQ(cli({"get-instance", "full"}).exit_code, 1) << "all lines are carried out";
}

TEST_F(Program, JsonComesFromFilesAndStandardInput) {
  const std::string file = folder_.write("ctx.json", R"({"from":"file"})");
  EXPECT_EQ(cli({"create-instance", "-m", "door", "-i", "f1", "-c", "@" + file}).exit_code, 0);
  EXPECT_THAT(cli({"--json", "get-instance", "f1"}).out, HasSubstr(R"({"from":"file"})"));
  EXPECT_EQ(cli({"create-instance", "-m", "door", "-i", "f2", "-c", "-"}, R"({"from":"stdin"})")
                .exit_code,
            0);
  EXPECT_THAT(cli({"--json", "get-instance", "f2"}).out, HasSubstr(R"({"from":"stdin"})"));
}

TEST_F(Program, ARefusedDefinitionIsShownAtItsPlace) {
  const std::string bad =
      "{\"states\": [\"a\"],\n \"initial\": \"a\",\n \"transitions\": [\n"
      "  {\"from\": \"a\", \"event\": \"E\", \"to\": \"nowhere\"}\n ]}\n";
  const std::string caret =
      ":4:37\n  4 |   {\"from\": \"a\", \"event\": \"E\", \"to\": \"nowhere\"}\n"
      "    |                                     ^\n";
  const std::string file = folder_.write("bad.json", bad);
  const Finished server = cli({"put-machine", "-n", "bad", "-v", "1", file});
  EXPECT_EQ(server.exit_code, 1);
  EXPECT_THAT(server.err, HasSubstr(file + caret));
  const Finished offline = run({"validate", file}, "127.0.0.1:1");
  EXPECT_EQ(offline.exit_code, 1);
  EXPECT_EQ(offline.err, server.err);
  const Finished good = run({"validate", "-"}, "127.0.0.1:1", kDoor);
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_THAT(good.out,
              testing::StartsWith("standard input is valid: 2 states, 2 events, 2 transitions\n"));
}

TEST_F(Program, GraphsInBothForms) {
  EXPECT_THAT(cli({"graph", "door"}).out,
              testing::StartsWith("stateDiagram-v2\n    [*] --> closed"));
  EXPECT_THAT(cli({"graph", "door", "-v", "1", "--format", "dot"}).out,
              testing::StartsWith("digraph \"door\" {"));
  EXPECT_THAT(cli({"--json", "graph", "door"}).out,
              testing::StartsWith(R"({"machine":"door","version":1,"format":"mermaid","graph":")"));
  EXPECT_EQ(cli({"graph", "none"}).exit_code, 1);
  EXPECT_EQ(cli({"graph", "door", "-v", "4294967297"}).exit_code, 1) << "2^32 + 1 is not 1";
  EXPECT_EQ(cli({"graph", "door", "-v", "0"}).exit_code, 1);
}

TEST_F(Program, BothWireModesAndVerbose) {
  EXPECT_EQ(cli({"--wire-mode", "jsonl", "ping"}).out, "pong\n");
  const Finished verbose = cli({"-v", "ping"});
  EXPECT_EQ(verbose.out, "pong\n");
  EXPECT_THAT(verbose.err, HasSubstr("> {\"type\":\"request\",\"id\":\"1\",\"op\":\"PING\""));
  EXPECT_THAT(verbose.err, HasSubstr("< {\"type\":\"response\",\"id\":\"1\""));
}

TEST_F(Program, LinesFromAPipe) {
  const Finished done = cli({},
                            "# a comment\n\nping\nhelp\nhelp apply-event\n"
                            "create-instance -m door -i p1 -c '{\"a\": \"b c\"}'\n"
                            "get-instance nobody\nbogus\nget-machine 'unclosed\n"
                            "--json ping\nping\nquit\nping\n");
  EXPECT_EQ(done.exit_code, 1) << "the first failure: " << done.err;
  EXPECT_THAT(done.out, testing::StartsWith("pong\nping "));
  EXPECT_THAT(done.out, HasSubstr("--idempotency-key"));
  EXPECT_THAT(done.out, HasSubstr("instance_id  p1\n"));
  EXPECT_TRUE(done.out.ends_with("pong\n"));
  EXPECT_THAT(done.err, HasSubstr("INSTANCE_NOT_FOUND"));
  EXPECT_THAT(done.err, HasSubstr("there is no command bogus"));
  EXPECT_THAT(done.err, HasSubstr("a quote is not closed"));
  EXPECT_EQ(cli({}, "ping\n").exit_code, 0);
}

/// Types at a terminal of its own and reads what the program shows.
class Terminal {
 public:
  /// `locale` "" = the environment names none.
  Terminal(const std::string& server, const std::string& home, const std::string& locale = "") {
    child_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (child_ != 0) return;
    ::setenv("RSTMDB_SERVER", server.c_str(), 1);
    ::setenv("HOME", home.c_str(), 1);
    ::setenv("TERM", "xterm", 1);
    for (const char* name : {"NO_COLOR", "LANG", "LC_CTYPE", "LC_ALL"}) ::unsetenv(name);
    if (!locale.empty()) ::setenv("LC_ALL", locale.c_str(), 1);
    const std::string program = built_program("rstmdb-cli");
    ::execl(program.c_str(), program.c_str(), nullptr);
    ::_exit(127);
  }
  ~Terminal() {
    ::kill(child_, SIGKILL);
    if (!ended_) ::waitpid(child_, nullptr, 0);
    ::close(terminal_);
  }
  void type(const std::string& keys) {
    ASSERT_EQ(::write(terminal_, keys.data(), keys.size()), ssize_t(keys.size()));
  }
  /// Reads until `text` has been shown behind what was found before; false after ten seconds.
  bool shows(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < deadline) {
      const size_t found = shown_.find(text, seen_);
      if (found != std::string::npos) {
        seen_ = found + text.size();
        return true;
      }
      pollfd polled{terminal_, POLLIN, 0};
      char bytes[4096];
      if (::poll(&polled, 1, 100) <= 0) continue;
      const ssize_t got = ::read(terminal_, bytes, sizeof bytes);
      if (got <= 0) return false;
      shown_.append(bytes, static_cast<size_t>(got));
    }
    return false;
  }
  int wait() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    ended_ = true;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& all() const { return shown_; }

 private:
  int terminal_ = -1;
  pid_t child_ = -1;
  bool ended_ = false;
  std::string shown_;
  size_t seen_ = 0;
};

TEST_F(Program, TheTerminalHasCompletionHistoryAndColours) {
  Terminal terminal(server_->address(), folder_.path());
  ASSERT_TRUE(terminal.shows("rstmdb> ")) << terminal.all();
  terminal.type("pi\t\n");
  ASSERT_TRUE(terminal.shows("pong")) << terminal.all();
  ASSERT_TRUE(terminal.shows("rstmdb> "));
  terminal.type("get-machine do\t\n");
  ASSERT_TRUE(terminal.shows("\x1b[1mmachine")) << terminal.all();
  ASSERT_TRUE(terminal.shows("rstmdb> "));
  terminal.type("quit\n");
  EXPECT_FALSE(terminal.shows("rstmdb> ")) << "it has ended";
  EXPECT_EQ(terminal.wait(), 0) << terminal.all();
  const std::string history = folder_.path() + "/.rstmdb_history";
  std::ifstream file(history);
  const std::string lines((std::istreambuf_iterator<char>(file)), {});
  EXPECT_THAT(lines, HasSubstr("ping"));
  struct stat status{};
  ASSERT_EQ(::stat(history.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(Program, TheTerminalTakesEveryCharacterWhateverTheLocale) {
  for (const char* locale : {"", "C", "C.UTF-8", "not_THERE.ISO-8859-1"}) {
    Terminal terminal(server_->address(), folder_.path(), locale);
    ASSERT_TRUE(terminal.shows("rstmdb> ")) << terminal.all();
    terminal.type("help Zoëк1\n");
    ASSERT_TRUE(terminal.shows("there is no command Zoëк1")) << locale << ": " << terminal.all();
  }
}

TEST(ProgramAlone, HashToken) {
  constexpr const char* kHash =
      "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b\n";
  EXPECT_EQ(run({"hash-token", "secret"}, "").out, kHash);
  EXPECT_EQ(run({"hash-token"}, "", "secret\n").out, kHash);
  EXPECT_EQ(run({"hash-token"}, "", "\n").exit_code, 2);
  std::string line(kHash);
  line.back() = ' ';
  EXPECT_EQ(run({"hash-token", "secret", "--role", "read", "--name", "billing"}, "").out,
            line + "name=billing role=read\n");
  EXPECT_EQ(run({"hash-token", "secret", "--expires", "2027-01-31T00:00:00Z"}, "").out,
            line + "expires=2027-01-31T00:00:00Z\n");
  const Finished wrong = run({"hash-token", "secret", "--role", "root"}, "");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("none of read, write, admin"));
}

TEST(ProgramAlone, HashTokenMakesTokensThatAreNeverTheSame) {
  const Finished made = run({"hash-token", "--generate", "--name", "billing"}, "");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const size_t end = made.out.find('\n');
  const std::string token = made.out.substr(0, end);
  EXPECT_EQ(token.size(), 64u) << "256 bits in hex";
  const std::string line = run({"hash-token", token, "--name", "billing"}, "").out;
  EXPECT_EQ(made.out.substr(end + 1), line);
  EXPECT_NE(run({"hash-token", "--generate"}, "").out.substr(0, end), token);
  EXPECT_EQ(run({"hash-token", "--generate", "secret"}, "").exit_code, 2);
  EXPECT_THAT(
      run({"--json", "hash-token", "--generate"}, "").out,
      testing::MatchesRegex(
          "\\{\"token\":\"[0-9a-f]+\",\"sha256\":\"[0-9a-f]+\",\"line\":\"[0-9a-f]+\"\\}\n"));
}

TEST(ProgramAlone, HelpNamesExitCodesAndCommands) {
  const Finished help = run({"--help"}, "");
  EXPECT_EQ(help.exit_code, 0);
  for (const char* text : {"Exit codes:", "apply-event", "RSTMDB_SERVER", "--wire-mode"}) {
    EXPECT_THAT(help.out, HasSubstr(text));
  }
  EXPECT_THAT(run({"apply-event", "--help"}, "").out, HasSubstr("--expected-state"));
  EXPECT_EQ(run({"--version"}, "").out, "0.2.0\n");
}

TEST(ProgramAlone, NobodyThereIsExitCode3) {
  FakeServer server;
  const std::string address = address_of(server);
  server.stop_listening();
  const Finished none = run({"ping"}, address);
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("reason: refused"));
}

TEST(ProgramAlone, SilenceIsExitCode4AndNonsense5) {
  FakeServer server;
  server.on("PING", [](Peer&, const Received&) {});
  EXPECT_EQ(run({"--timeout", "1", "ping"}, address_of(server)).exit_code, 4);
  FakeServer other;
  other.on_connect([](Peer& peer) {
    peer.send_bytes("SSH-2.0-OpenSSH\r\n");
    return true;
  });
  EXPECT_EQ(run({"ping"}, address_of(other)).exit_code, 5);
}

TEST(ProgramAlone, AWriteWithoutAnAnswerSaysTheKeyToRepeatItWith) {
  FakeServer server;
  server.on("DELETE_INSTANCE", [](Peer&, const Received&) {});
  const std::vector<std::string> words{"--timeout", "1", "delete-instance", "i"};
  const Finished silent = run(words, address_of(server));
  EXPECT_EQ(silent.exit_code, 4);
  const std::string sent = server.received("DELETE_INSTANCE").at(0).params;
  const std::string begin = R"({"instance_id":"i","idempotency_key":")";
  ASSERT_THAT(sent, testing::StartsWith(begin));
  const std::string key = sent.substr(begin.size(), sent.size() - begin.size() - 2);
  EXPECT_THAT(silent.err, HasSubstr("repeat it with --idempotency-key " + key));
  const Finished json =
      run({"--json", "--timeout", "1", "delete-instance", "i", "--idempotency-key", "k"},
          address_of(server));
  EXPECT_THAT(json.err, HasSubstr(R"("maybe_applied":true,"idempotency_key":"k"})"));
  server.on("DELETE_INSTANCE", [](Peer& peer, const Received& r) {
    peer.refuse(r.id, "INSTANCE_NOT_FOUND", "nobody");
  });
  EXPECT_THAT(run({"delete-instance", "i"}, address_of(server)).err,
              testing::Not(HasSubstr("repeat it")));
}

TEST(ProgramAlone, TheTokenIsSentAndNeverShown) {
  FakeServer server;
  const Finished done = run({"-v", "-t", "topsecret", "ping"}, address_of(server));
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(server.received("AUTH").at(0).params, R"({"token":"topsecret"})");
  EXPECT_THAT(done.err, testing::Not(HasSubstr("topsecret")));
  server.on("AUTH", [](Peer& peer, const Received& r) {
    peer.refuse(r.id, "AUTH_FAILED", "no such token");
  });
  EXPECT_EQ(run({"ping"}, address_of(server), "", {{"RSTMDB_TOKEN", "x"}}).exit_code, 1);
}

TEST(ProgramAlone, WatchShowsLinesUntilTheStreamEnds) {
  FakeServer server;
  server.on("WATCH_ALL", [](Peer& peer, const Received& r) {
    if (r.connection > 2) {
      peer.refuse(r.id, "NOT_FOUND", "compacted", R"({"oldest_offset":9})");
      return;
    }
    peer.answer(r.id, R"({"subscription_id":"s","wal_offset":1})");
    peer.send_message(R"({"type":"event","subscription_id":"s","instance_id":"i","machine":"m",)"
                      R"("version":1,"wal_offset":2,"from_state":"a","to_state":"b",)"
                      R"("event":"E","payload":{"n":1}})");
    peer.cut();
  });
  const Finished done = run({"watch-all", "--machines", "m,n", "--no-ctx"}, address_of(server));
  EXPECT_EQ(done.exit_code, 1);
  EXPECT_EQ(done.out, "2  i  a -> b  E  {\"n\":1}\n");
  EXPECT_THAT(done.err, HasSubstr("oldest_offset: 9"));
  EXPECT_EQ(server.received("WATCH_ALL").at(0).params,
            R"({"machines":["m","n"],"include_ctx":false})");
  EXPECT_EQ(server.received("WATCH_ALL").at(1).params,
            R"({"machines":["m","n"],"include_ctx":false,"from_offset":3})");
}

TEST(ProgramAlone, ASecondSignalDoesNotWaitForTheServer) {
  TemporaryFolder folder;
  FakeServer server;  // whose scripts use the folder: it ends first
  server.on("WATCH_ALL", [&](Peer& peer, const Received& r) {
    peer.answer(r.id, R"({"subscription_id":"s","wal_offset":1})");
    folder.write("watching", "");
  });
  server.on("UNWATCH", [&](Peer&, const Received&) { folder.write("unanswered", ""); });
  const std::string script =
      "\"$1\" --timeout 5 -s \"$2\" watch-all & "
      "until [ -e \"$3/watching\" ]; do :; done; kill -INT $!; "
      "until [ -e \"$3/unanswered\" ]; do :; done; kill -INT $!; wait $!; echo \"exit code $?\"";
  const Finished done = run_process({"/bin/sh", "-c", script, "sh", built_program("rstmdb-cli"),
                                     address_of(server), folder.path()});
  EXPECT_EQ(done.out, "exit code 130\n") << done.err;
}

TEST(ProgramAlone, EveryCommandSendsItsOperation) {
  FakeServer server;
  const std::string address = address_of(server);
  const auto sent = [&](const std::string& op, std::vector<std::string> words) {
    server.always(op, "{}");
    const Finished done = run(std::move(words), address);
    EXPECT_EQ(done.exit_code, 0) << op << ": " << done.err;
    const auto all = server.received(op);
    return all.empty() ? std::string("nothing") : all.back().params;
  };
  EXPECT_EQ(sent("COMPACT", {"compact", "--force"}), R"({"force_snapshot":true})");
  EXPECT_EQ(sent("COMPACT", {"compact"}), "{}");
  EXPECT_EQ(sent("SNAPSHOT_INSTANCE", {"snapshot-instance", "i"}), R"({"instance_id":"i"})");
  EXPECT_EQ(sent("UNWATCH", {"unwatch", "s"}), R"({"subscription_id":"s"})");
  EXPECT_EQ(sent("WAL_READ", {"wal-read"}), R"({"from_offset":0})");
  EXPECT_EQ(sent("WAL_READ", {"wal-read", "-l", "5", "--from-offset", "7"}),
            R"({"limit":5,"from_offset":7})");
  EXPECT_EQ(sent("LIST_INSTANCES", {"list-instances", "--machine", "m", "--state", "s", "--limit",
                                    "2", "--offset", "4"}),
            R"({"machine":"m","state":"s","limit":2,"offset":4})");
  EXPECT_EQ(sent("LIST_MACHINES", {"list-machines", "m"}), R"({"machine":"m"})");
  EXPECT_EQ(sent("COUNT_INSTANCES", {"count", "m", "-v", "2"}), R"({"machine":"m","version":2})");
  EXPECT_EQ(sent("GET_HISTORY", {"history", "i", "-l", "5", "--before-offset", "7", "--no-ctx"}),
            R"({"instance_id":"i","limit":5,"before_offset":7,"include_ctx":false})");
  EXPECT_EQ(sent("CREATE_INSTANCE", {"create-instance", "-m", "m", "-V", "3", "-i", "i", "-c", "{}",
                                     "--idempotency-key", "k"}),
            R"({"machine":"m","version":3,"instance_id":"i","initial_ctx":{},)"
            R"("idempotency_key":"k"})");
  EXPECT_EQ(sent("APPLY_EVENT",
                 {"apply-event", "-i", "i", "-e", "E", "-p", "{\"a\":[1]}", "--expected-state", "s",
                  "--expected-offset", "9", "--event-id", "e", "--idempotency-key", "k"}),
            R"({"instance_id":"i","event":"E","payload":{"a":[1]},"expected_state":"s",)"
            R"("expected_wal_offset":9,"event_id":"e","idempotency_key":"k"})");
}

}  // namespace
}  // namespace rstmdb::cli
