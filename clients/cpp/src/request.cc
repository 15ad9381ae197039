#include "request.h"

#include <openssl/rand.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "json/document.h"
#include "json/writer.h"
#include "rstmdb/client.h"
#include "utf8.h"

namespace rstmdb::client {
namespace {

/// Message bytes around the tail: type, id and braces.
constexpr size_t kEnvelopeBytes = 64;

Error bad_field(std::string_view field, std::string message, const rstmdb::Error* json = nullptr) {
  std::string details;
  json::Writer writer(details);
  writer.open_object().member("field", field);
  if (json != nullptr) {
    writer.member("line", json->detail_number("line", 0))
        .member("column", json->detail_number("column", 0));
  }
  writer.close_object();
  return Error(ErrorKind::kArgument, std::string(field) + " " + message)
      .with_details(std::move(details));
}

/// Writes one parameter object; the first thing that cannot be sent is kept as the error.
class Params {
 public:
  explicit Params(std::string& out) : writer_(out) { writer_.open_object(); }

  Params& text(std::string_view field, std::string_view content) {
    check(field, content);
    if (!error_) writer_.member(field, content);
    return *this;
  }
  Params& text_unless_empty(std::string_view field, std::string_view content) {
    return content.empty() ? *this : text(field, content);
  }
  Params& number(std::string_view field, uint64_t content) {
    writer_.member(field, content);
    return *this;
  }
  Params& number(std::string_view field, const std::optional<uint64_t>& content) {
    return content ? number(field, *content) : *this;
  }
  Params& flag(std::string_view field, bool content) {
    writer_.member(field, content);
    return *this;
  }
  Params& json(std::string_view field, std::string_view content) {
    json::Document& document = scratch();
    const auto parsed = document.parse(content);
    if (!parsed.ok() && !error_) {
      error_ = bad_field(field, "is no JSON: " + parsed.error().message(), &parsed.error());
    }
    if (!error_) writer_.member(field, json::RawJson{document.text()});
    return *this;
  }
  Params& json_unless_empty(std::string_view field, std::string_view content) {
    return content.empty() ? *this : json(field, content);
  }
  Params& texts_unless_empty(std::string_view field, const std::vector<std::string>& all) {
    if (all.empty()) return *this;
    writer_.key(field).open_array();
    for (const std::string& one : all) {
      check(field, one);
      if (!error_) writer_.value(std::string_view(one));
    }
    writer_.close_array();
    return *this;
  }

  json::Writer& writer() { return writer_; }
  const std::optional<Error>& error() const { return error_; }
  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }
  void close() { writer_.close_object(); }

 private:
  void check(std::string_view field, std::string_view content) {
    if (!error_ && !is_utf8(content)) error_ = bad_field(field, "is not UTF-8");
  }
  static json::Document& scratch() {
    thread_local json::Document document;
    return document;
  }
  json::Writer writer_;
  std::optional<Error> error_;
};

/// `fill` writes the members of params.
template <class Fill>
Result<Request> make(std::string_view op, Repeat repeat, std::string_view instance_id, Fill fill) {
  Request request{{}, repeat, std::string(instance_id)};
  request.tail = "\"op\":";
  if (!is_utf8(op)) return bad_field("op", "is not UTF-8");
  json::append_string(request.tail, op);
  request.tail += ",\"params\":";
  Params params(request.tail);
  fill(params);
  if (params.error()) return *params.error();
  params.close();
  request.tail += '}';
  if (request.tail.size() + kEnvelopeBytes > limits::kFramePayloadBytesMax) {
    return bad_field("request", "is larger than a frame of the protocol (16 MiB)");
  }
  return request;
}

std::string key_or_made(const std::string& key, Keys keys) {
  return key.empty() && keys == Keys::kMake ? make_idempotency_key() : key;
}

void write(Params& params, const CreateInstance& create, std::string_view key) {
  params.text("machine", create.machine)
      .number("version", create.version)
      .text_unless_empty("instance_id", create.instance_id)
      .json_unless_empty("initial_ctx", create.initial_ctx)
      .text_unless_empty("idempotency_key", key);
}

void write(Params& params, const ApplyEvent& event, std::string_view key) {
  params.text("instance_id", event.instance_id)
      .text("event", event.event)
      .json_unless_empty("payload", event.payload)
      .text_unless_empty("expected_state", event.expected_state)
      .number("expected_wal_offset", event.expected_wal_offset)
      .text_unless_empty("event_id", event.event_id)
      .text_unless_empty("idempotency_key", key);
}

void write(Params& params, const DeleteInstance& remove, std::string_view key) {
  params.text("instance_id", remove.instance_id).text_unless_empty("idempotency_key", key);
}

std::string_view op_of(const CreateInstance&) { return "CREATE_INSTANCE"; }
std::string_view op_of(const ApplyEvent&) { return "APPLY_EVENT"; }
std::string_view op_of(const DeleteInstance&) { return "DELETE_INSTANCE"; }

template <class Operation>
Result<Request> encode_write(const Operation& operation, Keys keys) {
  const std::string key = key_or_made(operation.idempotency_key, keys);
  return make(op_of(operation), key.empty() ? Repeat::kNever : Repeat::kAllowed,
              operation.instance_id, [&](Params& params) { write(params, operation, key); });
}

}  // namespace

std::string make_idempotency_key() {
  std::array<unsigned char, 16> bytes{};
  // OpenSSL's generator is safe in a child after fork, where a copied one would repeat its keys.
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return {};
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += "0123456789abcdef"[bytes[i] >> 4];
    text += "0123456789abcdef"[bytes[i] & 15];
  }
  return text;
}

Result<Request> encode_plain(std::string_view op, Repeat repeat) {
  return make(op, repeat, "", [](Params&) {});
}

Result<Request> encode(const PutMachine& put) {
  return make("PUT_MACHINE", Repeat::kNever, "", [&](Params& params) {
    params.text("machine", put.machine)
        .number("version", put.version)
        .json("definition", put.definition)
        .text_unless_empty("checksum", put.checksum);
  });
}

namespace {

/// A read of a machine, all versions of which, or the latest, are version 0.
Result<Request> encode_of_machine(std::string_view op, std::string_view machine, uint32_t version) {
  return make(op, Repeat::kAllowed, "", [&](Params& params) {
    params.text("machine", machine);
    if (version != 0) params.number("version", version);
  });
}

}  // namespace

Result<Request> encode_get_machine(std::string_view machine, uint32_t version) {
  return encode_of_machine("GET_MACHINE", machine, version);
}

Result<Request> encode_count_instances(std::string_view machine, uint32_t version) {
  return encode_of_machine("COUNT_INSTANCES", machine, version);
}

Result<Request> encode(const Page& page) {
  return make("LIST_MACHINES", Repeat::kAllowed, "", [&](Params& params) {
    params.number("limit", page.limit)
        .number("offset", page.offset)
        .text_unless_empty("machine", page.machine);
  });
}

Result<Request> encode(const CreateInstance& create, Keys keys) {
  return encode_write(create, keys);
}
Result<Request> encode(const ApplyEvent& event, Keys keys) { return encode_write(event, keys); }
Result<Request> encode(const DeleteInstance& remove, Keys keys) {
  return encode_write(remove, keys);
}

Result<Request> encode_instance(std::string_view op, std::string_view instance_id, Repeat repeat) {
  return make(op, repeat, instance_id,
              [&](Params& params) { params.text("instance_id", instance_id); });
}

Result<Request> encode(const ListInstances& list) {
  return make("LIST_INSTANCES", Repeat::kAllowed, "", [&](Params& params) {
    params.text_unless_empty("machine", list.machine)
        .text_unless_empty("state", list.state)
        .number("limit", list.limit)
        .number("offset", list.offset)
        .text_unless_empty("cursor", list.cursor);
  });
}

Result<Request> encode(const GetHistory& get) {
  return make("GET_HISTORY", Repeat::kAllowed, get.instance_id, [&](Params& params) {
    params.text("instance_id", get.instance_id)
        .number("limit", get.limit)
        .number("before_offset", get.before_offset)
        .flag("include_ctx", get.include_ctx);
  });
}

Result<Request> encode(const Batch& batch, Keys keys) {
  Repeat repeat = Repeat::kAllowed;
  std::string instance_id;
  auto made = make("BATCH", repeat, "", [&](Params& params) {
    params.text("mode", batch.mode == BatchMode::kAtomic ? "atomic" : "best_effort");
    params.writer().key("ops").open_array();
    for (const BatchOperation& operation : batch.ops) {
      std::visit(
          [&](const auto& one) {
            const std::string key = key_or_made(one.idempotency_key, keys);
            if (key.empty()) repeat = Repeat::kNever;
            if (instance_id.empty()) instance_id = one.instance_id;
            std::string text;
            Params inner(text);
            write(inner, one, key);
            inner.close();
            if (inner.error()) params.fail(*inner.error());
            params.writer()
                .open_object()
                .member("op", op_of(one))
                .member("params", json::RawJson{text})
                .close_object();
          },
          operation);
    }
    params.writer().close_array();
  });
  if (!made.ok()) return made;
  made->repeat = repeat;
  made->instance_id = instance_id;
  return made;
}

Result<Request> encode_wal_read(uint64_t from_offset, uint64_t limit) {
  return make("WAL_READ", Repeat::kAllowed, "", [&](Params& params) {
    params.number("from_offset", from_offset);
    if (limit != 0) params.number("limit", limit);
  });
}

Result<Request> encode(CompactMode mode) {
  return make("COMPACT", Repeat::kNever, "", [&](Params& params) {
    if (mode == CompactMode::kForceSnapshot) params.flag("force_snapshot", true);
  });
}

Result<Request> encode(const WatchInstance& watch) {
  return make("WATCH_INSTANCE", Repeat::kNever, watch.instance_id, [&](Params& params) {
    params.text("instance_id", watch.instance_id)
        .flag("include_ctx", watch.include_ctx)
        .number("from_offset", watch.from_offset)
        .number("after_offset", watch.after_offset)
        .texts_unless_empty("kinds", watch.kinds);
  });
}

Result<Request> encode(const WatchAll& watch) {
  return make("WATCH_ALL", Repeat::kNever, "", [&](Params& params) {
    params.texts_unless_empty("machines", watch.machines)
        .texts_unless_empty("events", watch.events)
        .texts_unless_empty("from_states", watch.from_states)
        .texts_unless_empty("to_states", watch.to_states)
        .flag("include_ctx", watch.include_ctx)
        .number("from_offset", watch.from_offset)
        .number("after_offset", watch.after_offset)
        .texts_unless_empty("kinds", watch.kinds);
  });
}

Result<Request> encode_unwatch(std::string_view subscription_id) {
  return make("UNWATCH", Repeat::kNever, "",
              [&](Params& params) { params.text("subscription_id", subscription_id); });
}

Result<Request> encode_raw(std::string_view op, std::string_view params) {
  static constexpr std::string_view kReads[] = {
      "PING",         "INFO",           "GET_MACHINE",     "LIST_MACHINES",
      "GET_INSTANCE", "LIST_INSTANCES", "COUNT_INSTANCES", "GET_HISTORY",
      "WAL_READ",     "WAL_STATS"};
  json::Document document;
  const auto parsed = document.parse(params.empty() ? "{}" : params);
  if (!parsed.ok()) {
    return bad_field("params", "is no JSON: " + parsed.error().message(), &parsed.error());
  }
  const json::Value root = document.root();
  if (!root.is_object()) return bad_field("params", "is no JSON object");
  const bool read = std::ranges::find(kReads, op) != std::end(kReads);
  const json::Value key = root["idempotency_key"];
  const json::Value instance = root["instance_id"];
  auto made = make(op, read || key.is_string() ? Repeat::kAllowed : Repeat::kNever,
                   instance.is_string() ? instance.string() : "", [&](Params& out) {
                     for (json::Value m = root.first(); m; m = m.next()) {
                       out.writer().member(m.key(), json::RawJson{m.text()});
                     }
                   });
  return made;
}

}  // namespace rstmdb::client
