#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <algorithm>
#include <array>

namespace rstmdb {
namespace {

/// The table of the bytewise algorithm, and which entry has a given highest byte: each has another,
/// which is why a step can be undone.
struct Steps {
  std::array<uint32_t, 256> forward{};
  std::array<uint8_t, 256> entry_with_high_byte{};
};

constexpr Steps make_steps() {
  Steps steps;
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82F63B78u : 0u);
    steps.forward[i] = value;
    steps.entry_with_high_byte[value >> 24] = static_cast<uint8_t>(i);
  }
  return steps;
}

constexpr Steps kSteps = make_steps();

}  // namespace

uint32_t crc32c(std::string_view bytes, uint32_t previous) {
  // ISA-L neither inverts the start value nor the result, and takes an int for the length.
  constexpr size_t kStep = size_t{1} << 30;
  uint32_t crc = ~previous;
  while (!bytes.empty()) {
    const size_t step = std::min(bytes.size(), kStep);
    // The function only reads; its parameter lacks the const.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(step), crc);
    bytes.remove_prefix(step);
  }
  return ~crc;
}

std::optional<size_t> find_wrong_byte(size_t size, uint32_t computed, uint32_t stored) {
  // The checksum is linear: the difference of two sums is what the changed byte has become on its
  // way through the bytes behind it. So the difference is taken back byte by byte; where it is what
  // one wrong byte makes of a zero difference, that byte explains it.
  uint32_t difference = computed ^ stored;
  if (difference == 0) return std::nullopt;
  std::optional<size_t> found;
  for (size_t k = 0; k < 4; ++k)
    if ((difference & ~(uint32_t{0xff} << (8 * k))) == 0) found = size + k;
  for (size_t at = size; at-- > 0;) {
    const uint32_t entry = kSteps.entry_with_high_byte[difference >> 24];
    if (entry != 0 && kSteps.forward[entry] == difference) {
      if (found) return std::nullopt;
      found = at;
    }
    difference = (difference ^ kSteps.forward[entry]) << 8 | entry;
  }
  return found;
}

}  // namespace rstmdb
