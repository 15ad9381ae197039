#include "load/rcp.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "json/document.h"
#include "json/writer.h"
#include "load/digits.h"
#include "wire/frame.h"

namespace rstmdb::bench {
namespace {

constexpr std::string_view kMagic = "RCPX";
constexpr size_t kHeaderBytes = 18;
constexpr size_t kExtensionAt = 8;
constexpr size_t kLengthAt = 10;
constexpr size_t kChecksumAt = 14;
constexpr std::string_view kAnswerStart = R"({"type":"response","id":")";
constexpr std::string_view kAnswerThen = R"(","status":"ok")";
constexpr uint32_t kNumbers = 1'000'000;

std::string_view mark(PreparedText::Place place) { return PreparedText::kMarks[place]; }

/// Opens a request up to its open `params`, calls `fill` and closes the frame.
template <class Fill>
void append_frame(std::string& out, std::string_view id, std::string_view operation,
                  const Fill& fill) {
  const size_t start = wire::begin_frame(out, wire::Dialect::kRcpx);
  json::Writer writer(out);
  writer.open_object()
      .member("type", "request")
      .member("id", id)
      .member("op", operation)
      .key("params")
      .open_object();
  fill(writer);
  writer.close_object().close_object();
  wire::end_frame(out, wire::Dialect::kRcpx, start);
}

void write_create(json::Writer& params, std::string_view instance, std::string_view context) {
  params.member("machine", "cycle")
      .member("version", 1)
      .member("instance_id", instance)
      .member("initial_ctx", json::RawJson{context});
}

PreparedFrame prepare(Operation operation, std::string_view context, std::string_view run) {
  const std::string instance = "i-" + std::string(mark(PreparedText::kInstance));
  std::string frame;
  const auto write = [&](std::string_view name, const auto& fill) {
    append_frame(frame, mark(PreparedText::kSlot), name, fill);
  };
  switch (operation) {
    case Operation::kApplyEvent:
      write("APPLY_EVENT", [&](json::Writer& params) {
        params.member("instance_id", std::string_view(instance)).member("event", "GO");
        params.key("payload").open_object();
        params.member("n", json::RawJson{mark(PreparedText::kNumber)}).close_object();
      });
      break;
    case Operation::kGetInstance:
      write("GET_INSTANCE", [&](json::Writer& params) {
        params.member("instance_id", std::string_view(instance));
      });
      break;
    case Operation::kCreateInstance:
      write("CREATE_INSTANCE", [&](json::Writer& params) {
        const std::string fresh =
            "n-" + std::string(run) + "-" + std::string(mark(PreparedText::kInstance));
        write_create(params, fresh, context);
      });
      break;
    case Operation::kListInstances:
      write("LIST_INSTANCES", [](json::Writer& params) {
        params.member("machine", "cycle").member("state", "a").member("limit", kPageInstances);
      });
      break;
  }
  return PreparedFrame(std::move(frame));
}

/// The slow way, for answers that do not start as this server writes them.
Result<uint32_t> parsed_slot(std::string_view payload) {
  json::Document document;
  RSTMDB_TRY(document.parse(payload));
  const json::Value answer = document.root();
  uint32_t slot = 0;
  const std::string_view text = answer["id"].is_string() ? answer["id"].string() : "";
  const auto read = std::from_chars(text.data(), text.data() + text.size(), slot);
  const bool sound = answer["status"].is_string() && answer["status"].string() == "ok" &&
                     read.ec == std::errc() && read.ptr == text.data() + text.size();
  if (!sound)
    return Error(Code::kInternalError, "an answer that is no success").with("answer", payload);
  return slot;
}

}  // namespace

PreparedText::PreparedText(std::string text) : text_(std::move(text)) {
  for (size_t place = 0; place < kMarks.size(); ++place) {
    places_[place] = text_.find(kMarks[place]);
    const bool once = places_[place] == std::string::npos ||
                      text_.find(kMarks[place], places_[place] + 1) == std::string::npos;
    RSTMDB_CHECK(once, "a mark stands twice in a prepared request");
  }
}

void PreparedText::append(std::string& out, const Request& request) const {
  const size_t start = out.size();
  out.append(text_);
  char* at = out.data() + start;
  const std::array<uint32_t, kMarks.size()> numbers = {request.slot, request.instance,
                                                       kNumbers + request.number % kNumbers};
  for (size_t place = 0; place < kMarks.size(); ++place) {
    if (places_[place] == std::string::npos) continue;
    put_digits(at + places_[place], static_cast<unsigned>(kMarks[place].size()), numbers[place]);
  }
}

void PreparedFrame::append(std::string& out, const Request& request) const {
  const size_t start = out.size();
  text_.append(out, request);
  char* const at = out.data() + start;
  const std::string_view payload(at + kHeaderBytes, text_.size() - kHeaderBytes);
  store_be<uint32_t>(at + kChecksumAt, crc32c(payload));
}

std::string run_mark() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  char text[16];
  std::snprintf(
      text, sizeof text, "%08x",
      static_cast<unsigned>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
  return text;
}

Rcp::Rcp(size_t context_bytes) {
  const std::string context = context_of(context_bytes);
  const std::string run = run_mark();
  for (const Operation operation : {Operation::kApplyEvent, Operation::kGetInstance,
                                    Operation::kCreateInstance, Operation::kListInstances})
    frames_.push_back(prepare(operation, context, run));
}

Result<void> Rcp::greet(Connection& connection) {
  append_frame(connection.out(), "0", "HELLO", [](json::Writer& params) {
    params.member("protocol_version", 1).member("client_name", "rstmdb_load");
  });
  RSTMDB_ASSIGN(const Answer answer, exchange(connection, *this));
  connection.drop(answer.size);
  return {};
}

void Rcp::append(std::string& out, const Request& request) {
  frames_[static_cast<size_t>(request.operation)].append(out, request);
}

Result<Answer> Rcp::read(std::string_view input) {
  RSTMDB_ASSIGN(const CutFrame frame, cut_frame(input));
  if (frame.size == 0) return Answer{};
  constexpr unsigned kDigits = PreparedText::kMarks[PreparedText::kSlot].size();
  uint32_t slot = 0;
  if (frame.payload.starts_with(kAnswerStart) &&
      frame.payload.substr(std::min(frame.payload.size(), kAnswerStart.size() + kDigits))
          .starts_with(kAnswerThen) &&
      read_digits(frame.payload.data() + kAnswerStart.size(), kDigits, slot))
    return Answer{.size = frame.size, .slot = slot};
  RSTMDB_ASSIGN(slot, parsed_slot(frame.payload));
  return Answer{.size = frame.size, .slot = slot};
}

std::string context_of(size_t bytes) {
  constexpr std::string_view kLetters =  // 64, none of them a digit: marks are digits
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.,;:!?()+-*/";
  static_assert(kLetters.size() == 64);
  constexpr std::string_view kStart = R"({"n":1000000,"customer":"c-4711","total":12.5,"note":")";
  constexpr std::string_view kEnd = R"("})";
  RSTMDB_CHECK(bytes >= kContextBytesMin, "a context without room for its members");
  std::string context(kStart);
  uint32_t chance = 1;
  while (context.size() + kEnd.size() < bytes) {
    chance = chance * 1'664'525 + 1'013'904'223;
    context.push_back(kLetters[chance >> 26]);
  }
  return context.append(kEnd);
}

void append_put_machine(std::string& out) {
  append_frame(out, "0", "PUT_MACHINE", [](json::Writer& params) {
    params.member("machine", "cycle")
        .member("version", 1)
        .member("definition", json::RawJson{R"({"states":["a","b"],"initial":"a","transitions":[)"
                                            R"({"from":"a","event":"GO","to":"b"},)"
                                            R"({"from":"b","event":"GO","to":"a"}]})"});
  });
}

void append_create_batch(std::string& out, uint32_t first, uint32_t end, std::string_view context) {
  append_frame(out, "0", "BATCH", [&](json::Writer& params) {
    params.member("mode", "best_effort").key("ops").open_array();
    std::string instance = "i-00000000";
    for (uint32_t number = first; number < end; ++number) {
      put_digits(instance.data() + 2, 8, number);
      params.open_object().member("op", "CREATE_INSTANCE").key("params").open_object();
      write_create(params, instance, context);
      params.close_object().close_object();
    }
    params.close_array();
  });
}

void append_watch_all(std::string& out) {
  append_frame(out, "0", "WATCH_ALL", [](json::Writer&) {});
}

Result<CutFrame> cut_frame(std::string_view input) {
  if (input.size() < kHeaderBytes) return CutFrame{};
  if (!input.starts_with(kMagic))
    return Error(Code::kInternalError, "an answer that is no RCPX frame");
  const size_t head = kHeaderBytes + load_be<uint16_t>(input.data() + kExtensionAt);
  const size_t size = head + load_be<uint32_t>(input.data() + kLengthAt);
  if (input.size() < size) return CutFrame{};
  return CutFrame{.payload = input.substr(head, size - head), .size = size};
}

}  // namespace rstmdb::bench
