// One watching connection, as cheap as a reader can be: all streams receive into one buffer, and a
// notification is looked at only for its place in the log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "load/connection.h"

namespace rstmdb::bench {

class Stream {
 public:
  /// kGapless: each notification must tell the offset behind the last one's, and come in a frame
  /// whose crc is right. kCount: only whole frames are counted.
  enum class Check { kGapless, kCount };

  /// Connects and subscribes to everything; `params` are those of WATCH_ALL, as JSON.
  static Result<Stream> watch(const Address& address, std::string_view params);
  /// Takes over a connection that is sent frames unasked.
  explicit Stream(int descriptor) : descriptor_(descriptor), check_(Check::kCount) {}
  ~Stream();
  Stream(Stream&& other) noexcept;
  Stream& operator=(Stream&&) = delete;

  int descriptor() const { return descriptor_; }
  /// Receives once what is there.
  Result<void> receive();

  uint64_t notifications() const { return notifications_; }
  uint64_t bytes() const { return bytes_; }
  /// The offset that comes next.
  uint64_t next_offset() const { return next_offset_; }

 private:
  Stream(int descriptor, uint64_t next_offset)
      : descriptor_(descriptor), check_(Check::kGapless), next_offset_(next_offset) {}
  Result<void> take(std::string_view payload);

  int descriptor_;
  Check check_;
  std::string rest_;  // of a frame that is not whole yet
  uint64_t next_offset_ = 0;
  size_t offset_at_ = 0;  // where the last notification had its offset
  uint64_t notifications_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace rstmdb::bench
