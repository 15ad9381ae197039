#include "load/http.h"

#include <charconv>
#include <utility>

namespace rstmdb::bench {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kLength = "\r\nContent-Length: ";

std::string mark(PreparedText::Place place) { return std::string(PreparedText::kMarks[place]); }

std::string text_of(std::string_view line, std::string_view body) {
  std::string text(line);
  text += " HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer load-token-0123456789abcdef\r\n";
  if (!body.empty())
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return text.append("\r\n").append(body);
}

PreparedText prepare(Operation operation, std::string_view context, std::string_view run) {
  const std::string instance = "i-" + mark(PreparedText::kInstance);
  switch (operation) {
    case Operation::kApplyEvent:
      return PreparedText(
          text_of("POST /v1/instances/" + instance + "/events",
                  R"({"event":"GO","payload":{"n":)" + mark(PreparedText::kNumber) + "}}"));
    case Operation::kGetInstance:
      return PreparedText(text_of("GET /v1/instances/" + instance, ""));
    case Operation::kCreateInstance:
      return PreparedText(
          text_of("POST /v1/instances", R"({"machine":"cycle","version":1,"instance_id":"n-)" +
                                            std::string(run) + "-" + mark(PreparedText::kInstance) +
                                            R"(","initial_ctx":)" + std::string(context) + "}"));
    case Operation::kListInstances:
      return PreparedText(text_of(
          "GET /v1/instances?machine=cycle&state=a&limit=" + std::to_string(kPageInstances), ""));
  }
  std::unreachable();
}

}  // namespace

Http::Http(size_t context_bytes) {
  const std::string context = context_of(context_bytes);
  const std::string run = run_mark();
  for (const Operation operation : {Operation::kApplyEvent, Operation::kGetInstance,
                                    Operation::kCreateInstance, Operation::kListInstances})
    requests_.push_back(prepare(operation, context, run));
}

void Http::append(std::string& out, const Request& request) {
  requests_[static_cast<size_t>(request.operation)].append(out, request);
}

Result<Answer> Http::read(std::string_view input) {
  const size_t head = input.find(kEnd);
  if (head == std::string_view::npos) return Answer{};
  const size_t length = input.substr(0, head).find(kLength);
  size_t body = 0;
  const char* const at = input.data() + length + kLength.size();
  const bool sound = input.starts_with("HTTP/1.1 2") && length != std::string_view::npos &&
                     std::from_chars(at, input.data() + head, body).ec == std::errc();
  if (!sound)
    return Error(Code::kInternalError, "an answer that is no success").with("answer", input);
  const size_t size = head + kEnd.size() + body;
  return Answer{.size = input.size() < size ? 0 : size};
}

}  // namespace rstmdb::bench
