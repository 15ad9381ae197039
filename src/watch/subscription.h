// One subscription, as the parts of this folder share it. Owned by the hub, on the loop's thread.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "log/log.h"
#include "watch/index.h"
#include "watch/watcher.h"

namespace rstmdb::watch {

struct Subscription : Indexed {
  /// kLive: gets each change when it is committed, out of memory. The others are *behind* and get
  /// what they want out of the log.
  enum class Mode : uint8_t {
    kLive,
    kQueued,  // its turn to read comes
    kWaits,   // has read all that is committed, or its WATCH is not answered yet
    kStalled  // its connection has no room
  };

  Watcher* watcher = nullptr;
  std::string id;
  size_t place = 0;  // in its watcher's list
  size_t bytes = 0;  // what it counts towards limits::kSubscriptionBytesMax
  bool include_ctx = true;
  bool names_kind = false;

  Mode mode = Mode::kLive;
  /// Everything wanted before this offset has been delivered.
  log::Offset next_offset = 1;
  /// While it stands in the index: from this offset on, what it wants is pending in memory.
  log::Offset armed_from = 0;
  /// Its WATCH is answered once this is committed; nothing is delivered before.
  log::Offset answer_offset = 0;
  /// First offset of the unit for which its connection has been found to have room: all of a unit
  /// is delivered or nothing.
  log::Offset granted_unit = 0;

  // While behind.
  std::list<Subscription*>::iterator behind;  // in the list of its mode
  /// Until it reads for the first time: at next_offset, so that nothing is trimmed away before.
  std::unique_ptr<log::Cursor> cursor;
  std::list<Subscription*>::iterator open;  // among those that hold one
};

}  // namespace rstmdb::watch
