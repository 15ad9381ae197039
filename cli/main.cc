// rstmdb-cli: the command line of rstmdb.
#include "arguments.h"
#include "repl.h"
#include "session.h"

int main(int argc, char** argv) {
  using namespace rstmdb::cli;
  auto parsed = parse_arguments(argc, argv);
  if (const int* const code = std::get_if<int>(&parsed)) return *code;
  Arguments& arguments = std::get<Arguments>(parsed);
  const bool prompt = arguments.invocation.command == nullptr;
  Session session(std::move(arguments.globals), prompt ? Stdin::kTaken : Stdin::kFree);
  return prompt ? run_repl(session) : session.run(arguments.invocation);
}
