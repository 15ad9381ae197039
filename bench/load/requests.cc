#include "load/requests.h"

#include <cstdio>

#include "json/writer.h"
#include "wire/frame.h"

namespace rstmdb::bench {
namespace {

constexpr size_t kContextBytes = 150;

/// Opens a request up to its open `params`, calls `fill` and closes the frame.
template <class Fill>
void append_frame(std::string& out, uint32_t id, std::string_view operation, const Fill& fill) {
  char digits[16];
  const int size = std::snprintf(digits, sizeof digits, "%u", id);
  const size_t start = wire::begin_frame(out, wire::Dialect::kRcpx);
  json::Writer writer(out);
  writer.open_object()
      .member("type", "request")
      .member("id", std::string_view(digits, static_cast<size_t>(size)))
      .member("op", operation)
      .key("params")
      .open_object();
  fill(writer);
  writer.close_object().close_object();
  wire::end_frame(out, wire::Dialect::kRcpx, start);
}

std::string instance_id(uint32_t instance) {
  char text[16];
  const int size = std::snprintf(text, sizeof text, "i-%08u", instance);
  return {text, static_cast<size_t>(size)};
}

void write_context(json::Writer& writer) {
  constexpr std::string_view kFixed = R"({"n":1000000,"customer":"c-4711","total":12.5,"note":""})";
  writer.key("initial_ctx")
      .open_object()
      .member("n", 1'000'000)
      .member("customer", "c-4711")
      .member("total", json::RawJson{"12.5"})
      .member("note", std::string_view(std::string(kContextBytes - kFixed.size(), 'x')))
      .close_object();
}

}  // namespace

void append_request(std::string& out, Operation operation, uint32_t id, uint32_t instance,
                    uint32_t number) {
  const std::string name = instance_id(instance);
  if (operation == Operation::kGetInstance) {
    append_frame(out, id, "GET_INSTANCE", [&](json::Writer& params) {
      params.member("instance_id", std::string_view(name));
    });
    return;
  }
  append_frame(out, id, "APPLY_EVENT", [&](json::Writer& params) {
    params.member("instance_id", std::string_view(name))
        .member("event", "GO")
        .key("payload")
        .open_object()
        .member("n", 1'000'000 + number % 1'000'000)
        .close_object();
  });
}

void append_put_machine(std::string& out) {
  append_frame(out, 0, "PUT_MACHINE", [](json::Writer& params) {
    params.member("machine", "cycle")
        .member("version", 1)
        .member("definition", json::RawJson{R"({"states":["a","b"],"initial":"a","transitions":[)"
                                            R"({"from":"a","event":"GO","to":"b"},)"
                                            R"({"from":"b","event":"GO","to":"a"}]})"});
  });
}

void append_create(std::string& out, uint32_t first, uint32_t end) {
  append_frame(out, first, "BATCH", [&](json::Writer& params) {
    params.member("mode", "best_effort").key("ops").open_array();
    for (uint32_t instance = first; instance < end; ++instance) {
      params.open_object().member("op", "CREATE_INSTANCE").key("params").open_object();
      params.member("machine", "cycle").member("version", 1);
      params.member("instance_id", std::string_view(instance_id(instance)));
      write_context(params);
      params.close_object().close_object();
    }
    params.close_array();
  });
}

void append_hello(std::string& out) {
  append_frame(out, 0, "HELLO", [](json::Writer& params) {
    params.member("protocol_version", 1).member("client_name", "rstmdb_load");
  });
}

}  // namespace rstmdb::bench
