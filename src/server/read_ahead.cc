#include "server/read_ahead.h"

namespace rstmdb::server {
namespace {

/// Whether what comes after the request may have to be read otherwise.
bool may_change_reading(const ReadAhead::Entry& entry) {
  return entry.row == nullptr || entry.row->access == api::Access::kNone;
}

void read_payload(ReadAhead::Entry& entry) {
  entry.id = {};
  entry.row = nullptr;
  auto parsed = entry.document.parse(entry.frame.payload);
  if (!parsed.ok()) {
    entry.request.emplace(std::move(parsed).error());
    return;
  }
  entry.request.emplace(wire::read_request(entry.document.root()));
  if (entry.request->ok()) {
    entry.row = api::find_operation((*entry.request)->op);
  } else {
    entry.id = wire::readable_id(entry.document.root());
  }
}

}  // namespace

void ReadAhead::read(wire::FrameReader& frames, std::string_view input, Depth depth) {
  const size_t wanted = depth == Depth::kMany ? kRequestsMax : 1;
  count_ = 0;
  broken_.reset();
  while (count_ < wanted) {
    auto frame = frames.next(input);
    if (!frame.ok()) {
      broken_ = std::move(frame).error();
      return;
    }
    if (!*frame) return;
    Entry& entry = entries_[count_++];
    entry.frame = **frame;
    read_payload(entry);
    if (may_change_reading(entry)) return;
    input.remove_prefix(entry.frame.size);
  }
}

size_t ReadAhead::name_instances(std::span<std::string_view> ids) const {
  size_t known = 0;
  for (size_t i = 0; i < count_ && known < ids.size(); ++i) {
    const Entry& entry = entries_[i];
    if (!entry.request->ok()) continue;
    const json::Value id = (*entry.request)->params["instance_id"];
    if (id.is_string()) ids[known++] = id.string();
  }
  return known;
}

void ReadAhead::forget_large(size_t kept_payload_bytes) {
  for (Entry& entry : entries()) {
    if (entry.frame.payload.size() > kept_payload_bytes) entry.document = json::Document();
  }
}

std::unique_ptr<ReadAhead> ReadAheads::take() {
  if (idle_.empty()) return std::make_unique<ReadAhead>();
  std::unique_ptr<ReadAhead> ahead = std::move(idle_.back());
  idle_.pop_back();
  return ahead;
}

}  // namespace rstmdb::server
