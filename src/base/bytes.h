// Fixed-width integers in byte strings. Little-endian on disk, big-endian on the wire; no alignment
// needed.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace rstmdb {

template <std::unsigned_integral T>
T load_le(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  return value;
}

template <std::unsigned_integral T>
void store_le(char* to, T value) {
  if constexpr (std::endian::native == std::endian::big) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

template <std::unsigned_integral T>
T load_be(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  return value;
}

template <std::unsigned_integral T>
void store_be(char* to, T value) {
  if constexpr (std::endian::native == std::endian::little) value = std::byteswap(value);
  std::memcpy(to, &value, sizeof value);
}

template <std::unsigned_integral T>
void append_le(std::string& to, T value) {
  char bytes[sizeof value];
  store_le(bytes, value);
  to.append(bytes, sizeof value);
}

/// Unsigned LEB128: seven bits a byte, low first, at most ten bytes.
inline void append_varint(std::string& to, uint64_t value) {
  while (value >= 0x80) {
    to.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  to.push_back(static_cast<char>(value));
}

inline void append_text(std::string& to, std::string_view text) {
  append_varint(to, text.size());
  to.append(text);
}

inline constexpr size_t kVarintBytesMax = 10;

/// Writes what the append_ functions append, to memory that the caller knows to be large enough:
/// for many small parts at once, whose room is made once.
class ByteWriter {
 public:
  explicit ByteWriter(char* to) : at_(to) {}
  char* at() const { return at_; }

  void byte(uint8_t value) { *at_++ = static_cast<char>(value); }
  template <std::unsigned_integral T>
  void fixed(T value) {
    store_le(at_, value);
    at_ += sizeof value;
  }
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) byte(static_cast<uint8_t>(value | 0x80));
    byte(static_cast<uint8_t>(value));
  }
  void text(std::string_view text) {
    varint(text.size());
    if (!text.empty()) std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }

 private:
  char* at_;
};

/// Reads what the append_ functions wrote. After the first read that does not fit, ok() is false
/// for good and every further read gives zero or "", so a decoder checks once at its end.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  bool at_end() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

  template <std::unsigned_integral T>
  T fixed() {
    if (rest_.size() < sizeof(T)) return fail<T>();
    const T value = load_le<T>(rest_.data());
    rest_.remove_prefix(sizeof(T));
    return value;
  }

  /// Refuses more than ten bytes, bits beyond 64, and an encoding longer than needed (each number
  /// has one form).
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return fail<uint64_t>();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (shift == 63 && byte > 1) return fail<uint64_t>();
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return (byte == 0 && shift > 0) ? fail<uint64_t>() : value;
    }
    return fail<uint64_t>();
  }

  std::string_view text() { return take(varint()); }

  std::string_view take(uint64_t size) {
    if (!ok_ || rest_.size() < size) {
      fail<int>();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

 private:
  template <class T>
  T fail() {
    ok_ = false;
    rest_ = {};
    return T{};
  }
  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace rstmdb
