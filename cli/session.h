// Carrying out commands: one connection, made when the first command needs it and kept for the
// rest. Results go to standard output, everything else to standard error.
#pragma once

#include <optional>
#include <string>

#include "arguments.h"
#include "json_input.h"
#include "output.h"
#include "rstmdb/client.h"

namespace rstmdb::cli {

class Session {
 public:
  /// `input` says whether commands may read standard input.
  Session(Globals globals, Stdin input);

  /// Carries out one command and gives the exit code it stands for.
  int run(const Invocation& invocation);

  /// The connection; made at the first call, and again after a failure.
  client::Result<client::Client*> connect();
  const Globals& globals() const { return globals_; }

 private:
  struct Params;
  int carry_out(const Invocation& invocation);
  int call(const Invocation& invocation);
  int watch(const Invocation& invocation);
  int graph(const Invocation& invocation);
  int validate(const Invocation& invocation);
  int hash_token(const Invocation& invocation);

  std::variant<Params, InputError> params_of(const Invocation& invocation) const;
  int input_failed(const InputError& error) const;
  int output_failed() const;
  /// `key` is that of the write that has failed, or "".
  int failed(const client::Error& error, const std::string& key = "") const;

  Globals globals_;
  Stdin input_;
  Colours out_;
  Colours err_;
  std::optional<client::Client> client_;
};

/// The exit code for an error.
int exit_code_of(const client::Error& error);

}  // namespace rstmdb::cli
