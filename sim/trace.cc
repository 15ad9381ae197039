#include "trace.h"

#include <algorithm>
#include <cstdio>

#include "base/hash.h"

namespace rstmdb::sim {
namespace {

constexpr size_t kTextBytesKept = 400;

uint64_t mixed(uint64_t hash, uint64_t with) {
  hash = (hash ^ with) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 29);
}

}  // namespace

void Trace::note(std::string_view what, uint64_t first, uint64_t second, std::string_view text) {
  hash_ = mixed(mixed(mixed(hash_, static_cast<uint64_t>(loop_.now_ns())), first), second);
  hash_ = mixed(mixed(hash_, hash64(what)), hash64(text));
  Line& line = kept_[lines_++ % kKept];
  line.at_ns = loop_.now_ns();
  line.what = what;
  line.first = first;
  line.second = second;
  line.text.assign(text.substr(0, kTextBytesKept));
  if (show_ == Show::kEverything) std::puts(shown(line).c_str());
}

std::vector<std::string> Trace::last() const {
  std::vector<std::string> lines;
  const uint64_t from = lines_ > kKept ? lines_ - kKept : 0;
  for (uint64_t number = from; number < lines_; ++number)
    lines.push_back(shown(kept_[number % kKept]));
  return lines;
}

std::string Trace::shown(const Line& line) {
  std::string text = line.text;
  std::ranges::replace(text, '\n', ' ');
  char head[80];
  std::snprintf(head, sizeof head, "%14.6f %-10.*s %llu %llu ",
                static_cast<double>(line.at_ns) / 1e9, static_cast<int>(line.what.size()),
                line.what.data(), static_cast<unsigned long long>(line.first),
                static_cast<unsigned long long>(line.second));
  return head + text;
}

}  // namespace rstmdb::sim
