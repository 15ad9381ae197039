#include "session.h"

#include <unistd.h>

#include <iostream>
#include <iterator>

#include "graph.h"
#include "json/document.h"
#include "json/writer.h"
#include "results.h"
#include "token.h"
#include "validate.h"
#include "watch.h"

namespace rstmdb::cli {

/// The parameters of a request, with the one source that places in its errors may belong to.
struct Session::Params {
  std::string json;
  std::optional<JsonInput> file;
  std::string key;  // of a write: given, or made here
};

namespace {

void show_message(client::TraceEvent event, std::string_view text) {
  const bool secret = text.find(R"("op":"AUTH")") != std::string_view::npos;
  switch (event) {
    case client::TraceEvent::kSent:
      std::cerr << "> " << (secret ? "AUTH (the token is not shown)" : printable(text)) << "\n";
      return;
    case client::TraceEvent::kReceived:
      std::cerr << "< " << printable(text) << "\n";
      return;
    case client::TraceEvent::kConnected:
      std::cerr << "* connected to " << text << "\n";
      return;
    case client::TraceEvent::kLost:
      std::cerr << "* lost: " << printable(text) << "\n";
      return;
  }
}

void write_names(json::Writer& writer, const std::vector<std::string>& names) {
  writer.open_array();
  for (const std::string& name : names) {
    writer.value(json::RawJson{client::json_quote(name)});
  }
  writer.close_array();
}

}  // namespace

int exit_code_of(const client::Error& error) {
  switch (error.kind()) {
    case client::ErrorKind::kServer:
      return kExitRefused;
    case client::ErrorKind::kConnection:
      return kExitConnection;
    case client::ErrorKind::kTimeout:
      return kExitTimeout;
    case client::ErrorKind::kCancelled:
      return kExitConnection;
    case client::ErrorKind::kProtocol:
      return kExitProtocol;
    case client::ErrorKind::kArgument:
      return kExitUsage;
  }
  return kExitRefused;
}

Session::Session(Globals globals, Stdin input)
    : globals_(std::move(globals)),
      input_(input),
      out_(colours_for(STDOUT_FILENO)),
      err_(colours_for(STDERR_FILENO)) {
  if (globals_.talk == Talk::kVerbose) globals_.server.trace = show_message;
}

client::Result<client::Client*> Session::connect() {
  if (!client_) {
    auto connected = client::Client::connect(globals_.server);
    if (!connected.ok()) return connected.error();
    client_.emplace(std::move(connected).value());
  }
  return &*client_;
}

int Session::run(const Invocation& invocation) {
  const int code = carry_out(invocation);
  if (std::cout.flush()) return code;
  std::cout.clear();
  return output_failed();
}

int Session::carry_out(const Invocation& invocation) {
  switch (invocation.command->runs) {
    case Runs::kCall:
    case Runs::kWrite:
      return call(invocation);
    case Runs::kWatch:
      return watch(invocation);
    case Runs::kGraph:
      return graph(invocation);
    case Runs::kValidate:
      return validate(invocation);
    case Runs::kHashToken:
      return hash_token(invocation);
  }
  return kExitUsage;
}

int Session::input_failed(const InputError& error) const {
  if (globals_.form == Form::kJson) {
    return failed(client::Error(client::ErrorKind::kArgument, error.text));
  }
  std::cerr << coloured(err_, Colour::kRed, "error:") << " " << error.text
            << (error.text.ends_with('\n') ? "" : "\n");
  return kExitUsage;
}

int Session::output_failed() const {
  constexpr const char* kSentence = "standard output does not take the result";
  if (globals_.form == Form::kJson) {
    std::cerr << R"({"error":{"kind":"output","code":null,"message":")" << kSentence
              << R"(","retryable":false}})" << "\n";
  } else {
    std::cerr << coloured(err_, Colour::kRed, "error:") << " " << kSentence << "\n";
  }
  return kExitOutput;
}

int Session::failed(const client::Error& error, const std::string& key) const {
  // Who repeats it with this key has it carried out once.
  const bool repeat_with_key = error.maybe_applied() && !key.empty();
  const bool server = error.kind() == client::ErrorKind::kServer;
  const std::string what(server ? error.code_text() : client::kind_name(error.kind()));
  if (globals_.form == Form::kJson) {
    std::string out;
    json::Writer writer(out);
    writer.open_object().key("error").open_object();
    writer.member("kind", client::kind_name(error.kind()))
        .key("code")
        .value(json::RawJson{server ? client::json_quote(error.code_text()) : "null"})
        .member("message", json::RawJson{client::json_quote(error.message())})
        .member("retryable", error.retryable())
        .member("maybe_applied", error.maybe_applied());
    if (repeat_with_key) writer.member("idempotency_key", json::RawJson{client::json_quote(key)});
    if (!error.details().empty()) writer.member("details", json::RawJson{error.details()});
    writer.close_object().close_object();
    std::cerr << out << "\n";
    return exit_code_of(error);
  }
  std::cerr << coloured(err_, Colour::kRed, "error: " + printable(what)) << ": "
            << printable(error.message()) << "\n";
  const auto details = client::Json::parse(error.details());
  if (details.ok()) {
    for (const auto& [name, value] : details->members()) {
      std::cerr << "  " << printable(name) << ": "
                << printable(value.is_string() ? value.string() : value.text()) << "\n";
    }
  }
  if (repeat_with_key) {
    std::cerr << "  it may have been carried out; to find out, repeat it with --idempotency-key "
              << printable(key) << "\n";
  }
  return exit_code_of(error);
}

std::variant<Session::Params, InputError> Session::params_of(const Invocation& invocation) const {
  Params params;
  json::Writer writer(params.json);
  writer.open_object();
  for (const OptionSpec& spec : invocation.command->options) {
    auto value = invocation.value(spec.param);
    if (!value && !spec.fallback.empty()) value = spec.fallback;
    if (!value) continue;
    writer.key(spec.param);
    switch (spec.kind) {
      case Kind::kText:
        writer.value(json::RawJson{client::json_quote(*value)});
        break;
      case Kind::kNumber:
        writer.value(uint64_t{std::stoull(*value)});
        break;
      case Kind::kTrue:
        writer.value(true);
        break;
      case Kind::kFalse:
        writer.value(false);
        break;
      case Kind::kNames:
        write_names(writer, invocation.values.at(std::string(spec.param)));
        break;
      case Kind::kJson:
      case Kind::kFile: {
        auto input = spec.kind == Kind::kFile ? read_json_file(*value, input_)
                                              : read_json_value(spec.flags, *value, input_);
        if (auto* const error = std::get_if<InputError>(&input)) return *error;
        params.file = std::get<JsonInput>(std::move(input));
        writer.value(json::RawJson{params.file->text});
        break;
      }
    }
  }
  if (const auto given = invocation.value("idempotency_key")) {
    params.key = *given;
  } else if (invocation.command->runs == Runs::kWrite) {
    params.key = client::make_idempotency_key();
    writer.member("idempotency_key", std::string_view(params.key));
  }
  writer.close_object();
  return params;
}

int Session::call(const Invocation& invocation) {
  const auto made = params_of(invocation);
  if (const auto* const error = std::get_if<InputError>(&made)) return input_failed(*error);
  const Params& params = std::get<Params>(made);
  auto connected = connect();
  if (!connected.ok()) return failed(connected.error());
  const auto answer = (*connected)->call(invocation.command->op, params.json);
  if (!answer.ok()) {
    const int code = failed(answer.error(), params.key);
    const std::string path = answer.error().detail("path");
    if (invocation.command->op == "PUT_MACHINE" && params.file && !path.empty() &&
        globals_.form == Form::kHuman) {
      const std::string column = answer.error().detail("column");
      std::cerr << show_definition_error(*params.file,
                                         {"", path, std::strtoll(column.c_str(), nullptr, 10)});
    }
    return code;
  }
  if (globals_.form == Form::kJson) {
    std::cout << *answer << std::endl;
    return kExitOk;
  }
  const auto result = client::Json::parse(*answer);
  if (!result.ok()) return failed(result.error());
  std::cout << show_result(invocation.command->op, *result, out_) << std::flush;
  return kExitOk;
}

int Session::watch(const Invocation& invocation) {
  auto connected = connect();
  if (!connected.ok()) return failed(connected.error());
  const auto show = [this](const client::Notification& notification) {
    if (globals_.form == Form::kJson) {
      std::cout << notification.json << std::endl;
    } else if (const auto event = client::Json::parse(notification.json); event.ok()) {
      std::cout << show_notification(*event, out_) << std::flush;
    }
    return std::cout.good();
  };
  auto ended = watch_until_interrupted(**connected, invocation, show);
  return ended.ok() ? kExitOk : failed(ended.error());
}

int Session::graph(const Invocation& invocation) {
  auto connected = connect();
  if (!connected.ok()) return failed(connected.error());
  std::string params = R"({"machine":)" + client::json_quote(*invocation.value("machine"));
  if (const auto version = invocation.value("version")) {
    params += R"(,"version":)" + std::to_string(std::stoull(*version));
  }
  const auto answer = (*connected)->call(invocation.command->op, params + "}");
  if (!answer.ok()) return failed(answer.error());
  const auto machine = client::Json::parse(*answer);
  if (!machine.ok()) return failed(machine.error());
  const client::Json name = (*machine)["machine"];
  const client::Json definition = (*machine)["definition"];
  if (!name.is_string() || !definition.is_object()) {
    return failed(client::Error(client::ErrorKind::kProtocol, "the answer holds no machine"));
  }
  const std::string format = invocation.value("format").value_or("mermaid");
  const std::string text =
      format == "dot" ? dot_text(name.string(), definition) : mermaid_text(definition);
  if (globals_.form == Form::kJson) {
    std::cout << R"({"machine":)" << name.text() << R"(,"version":)" << (*machine)["version"].text()
              << R"(,"format":")" << format << R"(","graph":)" << client::json_quote(text) << "}"
              << std::endl;
  } else {
    std::cout << text << std::flush;
  }
  return kExitOk;
}

int Session::validate(const Invocation& invocation) {
  const auto source = read_json_file(*invocation.value("definition"), input_);
  if (const auto* const error = std::get_if<InputError>(&source)) return input_failed(*error);
  const JsonInput& input = std::get<JsonInput>(source);
  const auto checked = validate_definition(input.text);
  if (const auto* const wrong = std::get_if<DefinitionError>(&checked)) {
    std::string details = R"({"path":)" + client::json_quote(wrong->path);
    if (wrong->column > 0) details += R"(,"column":)" + std::to_string(wrong->column);
    const client::Error error("BAD_REQUEST", wrong->message, details + "}");
    const int code = failed(error);
    if (globals_.form == Form::kHuman) std::cerr << show_definition_error(input, *wrong);
    return code;
  }
  const auto& valid = std::get<ValidDefinition>(checked);
  if (globals_.form == Form::kJson) {
    std::cout << R"({"valid":true,"states":)" << valid.states << R"(,"events":)" << valid.events
              << R"(,"transitions":)" << valid.transitions << R"(,"checksum":")" << valid.checksum
              << "\"}" << std::endl;
    return kExitOk;
  }
  std::cout << input.name << " is valid: " << valid.states << " states, " << valid.events
            << " events, " << valid.transitions << " transitions\nchecksum " << valid.checksum
            << std::endl;
  return kExitOk;
}

int Session::hash_token(const Invocation& invocation) {
  const bool fresh = invocation.values.contains("generate");
  auto token = invocation.value("token");
  if (fresh && token) return input_failed({"--generate makes the token; give none"});
  if (fresh) token = new_token();
  if (!token) {
    if (input_ == Stdin::kTaken) {
      return input_failed({"hash-token needs the token here: standard input has the commands"});
    }
    token.emplace(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
    while (token->ends_with('\n') || token->ends_with('\r')) token->pop_back();
  }
  if (token->empty()) return input_failed({"the token is empty"});
  const auto line = token_line(*token, invocation);
  if (const auto* wrong = std::get_if<InputError>(&line)) return input_failed(*wrong);
  const std::string& entry = std::get<std::string>(line);
  if (globals_.form == Form::kJson) {
    std::cout << "{" << (fresh ? R"("token":")" + *token + "\"," : "") << R"("sha256":")"
              << entry.substr(0, entry.find(' ')) << R"(","line":")" << entry << "\"}" << std::endl;
  } else {
    std::cout << (fresh ? *token + "\n" : "") << entry << std::endl;
  }
  return kExitOk;
}

}  // namespace rstmdb::cli
