#include "utf8.h"

namespace rstmdb::client {
namespace {

unsigned byte_at(std::string_view text, size_t at) {
  return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
}

bool in(unsigned byte, unsigned low, unsigned high) { return byte >= low && byte <= high; }

}  // namespace

size_t utf8_sequence(std::string_view text) {
  const unsigned a = byte_at(text, 0);
  const unsigned b = byte_at(text, 1);
  if (text.empty()) return 0;
  if (a < 0x80) return 1;
  if (in(a, 0xc2, 0xdf)) return in(b, 0x80, 0xbf) ? 2 : 0;
  if (!in(byte_at(text, 2), 0x80, 0xbf)) return 0;
  if (a == 0xe0) return in(b, 0xa0, 0xbf) ? 3 : 0;
  if (a == 0xed) return in(b, 0x80, 0x9f) ? 3 : 0;
  if (in(a, 0xe1, 0xef)) return in(b, 0x80, 0xbf) ? 3 : 0;
  if (!in(byte_at(text, 3), 0x80, 0xbf)) return 0;
  if (a == 0xf0) return in(b, 0x90, 0xbf) ? 4 : 0;
  if (in(a, 0xf1, 0xf3)) return in(b, 0x80, 0xbf) ? 4 : 0;
  if (a == 0xf4) return in(b, 0x80, 0x8f) ? 4 : 0;
  return 0;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string repair_utf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t size = utf8_sequence(text);
    if (size == 0) {
      out += "\xef\xbf\xbd";
      text.remove_prefix(1);
    } else {
      out += text.substr(0, size);
      text.remove_prefix(size);
    }
  }
  return out;
}

}  // namespace rstmdb::client
