// Server-sent events, each as one chunk of a body that goes on:
//
//   id: 812
//   event: transition
//   data: {"type":"event","subscription_id":…}
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "watch/watcher.h"

namespace rstmdb::http {

/// What a stream begins with: where it stands, and the result of the operation that has begun it.
void append_opening(std::string& out, uint64_t offset, std::string_view result);
/// A notification.
void append_notification(std::string& out, const watch::Notification& notification);
/// Why the stream ends; `problem` is one line of JSON.
void append_failure(std::string& out, std::string_view problem);
/// A sign of life.
void append_heartbeat(std::string& out);

/// The most that append_notification() adds to the text.
inline constexpr size_t kNotificationOwnBytesMax = 192;

}  // namespace rstmdb::http
