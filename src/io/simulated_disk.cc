#include "io/simulated_disk.h"

#include <algorithm>
#include <ranges>
#include <utility>

namespace rstmdb::io {
namespace {
constexpr uint64_t kSectorBytes = 512;

/// Puts `bytes` at `at`; a string that is shorter is filled with zeros up to there.
void put(std::string& to, uint64_t at, std::string_view bytes) {
  if (to.size() < at + bytes.size()) to.resize(at + bytes.size());
  std::ranges::copy(bytes, to.begin() + static_cast<ptrdiff_t>(at));
}
}  // namespace

uint64_t SeededChance::next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

void SimulatedContent::write(uint64_t at, std::string_view bytes) {
  if (bytes.empty()) return;
  change({.kind = Change::Kind::kWrite,
          .at = at,
          .bytes = std::string(bytes),
          .size_after = std::max<uint64_t>(now_.size(), at + bytes.size()),
          .before = at < now_.size() ? now_.substr(at, bytes.size()) : std::string(),
          .size_before = now_.size()});
}

void SimulatedContent::resize(uint64_t size) {
  change({.kind = Change::Kind::kResize,
          .at = 0,
          .bytes = {},
          .size_after = size,
          .before = size < now_.size() ? now_.substr(size) : std::string(),
          .size_before = now_.size()});
}

void SimulatedContent::change(Change change) {
  apply(change, now_);
  pending_.push_back(std::move(change));
}

void SimulatedContent::sync() {
  if (durable_)
    for (const Change& change : pending_) apply(change, *durable_);
  pending_.clear();
}

void SimulatedContent::drop_unsynced() {
  const auto is_write = [](const Change& change) { return change.kind == Change::Kind::kWrite; };
  if (std::ranges::none_of(pending_, is_write)) return;
  durable_ = durable();
  std::erase_if(pending_, is_write);
}

/// A file may be large and is synced often: its durable bytes are put together when they are asked
/// for, which is at a power cut.
std::string SimulatedContent::durable() const {
  if (durable_) return *durable_;
  std::string bytes = now_;
  for (const Change& change : std::views::reverse(pending_)) take_back(change, bytes);
  return bytes;
}

void SimulatedContent::apply(const Change& change, std::string& to) {
  if (change.kind == Change::Kind::kResize) {
    to.resize(change.size_after);
    return;
  }
  put(to, change.at, change.bytes);
}

void SimulatedContent::take_back(const Change& change, std::string& from) {
  from.resize(change.size_before);
  const uint64_t at = change.kind == Change::Kind::kResize ? change.size_after : change.at;
  std::ranges::copy(change.before, from.begin() + static_cast<ptrdiff_t>(
                                                      std::min<uint64_t>(at, change.size_before)));
}

void SimulatedContent::cut_power(SeededChance& chance) {
  if (pending_.empty() && !durable_) return;
  if (pending_.empty()) {
    now_ = *std::move(durable_);
  } else {
    switch (chance.below(4)) {
      case 0:  // everything unsynced is lost
        now_ = durable();
        break;
      case 1:
        sync();
        if (durable_) now_ = *std::move(durable_);
        break;
      case 2:
        now_ = some_prefix(durable(), chance);
        break;
      case 3:
        now_ = some_sectors(durable(), chance);
        break;
    }
  }
  pending_.clear();
  durable_.reset();
}

/// The first few changes whole, the next one torn.
std::string SimulatedContent::some_prefix(std::string left, SeededChance& chance) const {
  const size_t whole = chance.below(pending_.size());
  for (size_t i = 0; i < whole; ++i) apply(pending_[i], left);
  const Change& torn = pending_[whole];
  if (torn.kind == Change::Kind::kResize) return left;
  // Sector borders are those of the file, not of the write.
  const uint64_t first = kSectorBytes - torn.at % kSectorBytes;
  const uint64_t sectors = chance.below(torn.bytes.size() / kSectorBytes + 2);
  const uint64_t kept =
      sectors == 0 ? 0
                   : std::min<uint64_t>(torn.bytes.size(), first + (sectors - 1) * kSectorBytes);
  put(left, torn.at, std::string_view(torn.bytes).substr(0, kept));
  if (chance.one_in(2)) left.resize(std::max<uint64_t>(left.size(), torn.size_after));
  return left;
}

/// Each sector as after some number of the changes, and the size as after some number of them.
std::string SimulatedContent::some_sectors(std::string left, SeededChance& chance) const {
  const size_t sized = chance.below(pending_.size() + 1);
  const uint64_t size = sized == 0 ? left.size() : pending_[sized - 1].size_after;
  const bool garbage = chance.one_in(4);
  std::map<uint64_t, size_t> changes_in;  // by sector
  const auto extend = [&](uint64_t to) {
    if (!garbage && left.size() < to) left.resize(to);
    while (left.size() < to) left.push_back(static_cast<char>(chance.next()));
  };
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Change& change = pending_[i];
    if (change.kind == Change::Kind::kResize) {
      if (i < sized && change.size_after < left.size()) left.resize(change.size_after);
      continue;
    }
    for (uint64_t done = 0; done < change.bytes.size();) {
      const uint64_t at = change.at + done;
      const uint64_t piece =
          std::min<uint64_t>(kSectorBytes - at % kSectorBytes, change.bytes.size() - done);
      const auto [sector, fresh] = changes_in.try_emplace(at / kSectorBytes, 0);
      if (fresh) sector->second = chance.below(pending_.size() + 1);
      if (i < sector->second) {
        extend(at);
        put(left, at, std::string_view(change.bytes).substr(done, piece));
      }
      done += piece;
    }
  }
  extend(size);
  left.resize(size);
  return left;
}

std::optional<SimulatedDisk::Place> SimulatedDisk::locate(std::string_view path) const {
  Id folder = kRoot;
  while (true) {
    while (path.starts_with('/')) path.remove_prefix(1);
    const size_t slash = path.find('/');
    if (slash == std::string_view::npos) return Place{folder, std::string(path)};
    const Entries& entries = folders_.at(folder).now;
    const auto entry = entries.find(path.substr(0, slash));
    if (entry == entries.end() || entry->second.kind != Node::Kind::kFolder) return std::nullopt;
    folder = entry->second.id;
    path.remove_prefix(slash);
  }
}

std::optional<SimulatedDisk::Node> SimulatedDisk::find(std::string_view path) const {
  const auto place = locate(path);
  if (!place) return std::nullopt;
  if (place->name.empty()) return Node{Node::Kind::kFolder, place->folder};
  const Entries& entries = folders_.at(place->folder).now;
  const auto entry = entries.find(place->name);
  if (entry == entries.end()) return std::nullopt;
  return entry->second;
}

std::vector<std::string> SimulatedDisk::names(Id folder) const {
  std::vector<std::string> found;
  for (const auto& [name, node] : folders_.at(folder).now) found.push_back(name);
  return found;
}

bool SimulatedDisk::add(std::string_view path, Node::Kind kind) {
  const auto place = locate(path);
  if (!place || place->name.empty() || find(path)) return false;
  const Node node{kind, next_id_++};
  if (kind == Node::Kind::kFile) files_[node.id];
  if (kind == Node::Kind::kFolder) folders_[node.id];
  change(place->folder, {"", place->name, node});
  return true;
}

bool SimulatedDisk::remove(std::string_view path) {
  const auto node = find(path);
  const auto place = locate(path);
  if (!node || node->kind != Node::Kind::kFile) return false;
  change(place->folder, {place->name, "", *node});
  return true;
}

bool SimulatedDisk::remove_folder(std::string_view path) {
  const auto node = find(path);
  const auto place = locate(path);
  if (!node || node->kind != Node::Kind::kFolder || place->name.empty()) return false;
  if (!folders_.at(node->id).now.empty()) return false;
  change(place->folder, {place->name, "", *node});
  return true;
}

bool SimulatedDisk::rename(std::string_view from, std::string_view to) {
  const auto node = find(from);
  const auto source = locate(from);
  const auto target = locate(to);
  if (!node || !target || target->folder != source->folder) return false;
  change(source->folder, {source->name, target->name, *node});
  return true;
}

void SimulatedDisk::change(Id folder, Change change) {
  apply(change, folders_.at(folder).now);
  folders_.at(folder).pending.push_back(std::move(change));
}

void SimulatedDisk::apply(const Change& change, Entries& to) {
  if (!change.from.empty()) {
    const auto source = to.find(change.from);
    // On the disk, an earlier change of this name may have been lost.
    if (source == to.end() || source->second.id != change.node.id) return;
    to.erase(source);
  }
  if (!change.to.empty()) to[change.to] = change.node;
}

void SimulatedDisk::sync_folder(Id folder) {
  Folder& synced = folders_.at(folder);
  synced.durable = synced.now;
  synced.pending.clear();
}

void SimulatedDisk::sync_everything() {
  for (auto& [id, folder] : folders_) sync_folder(id);
  for (auto& [id, content] : files_) content.sync();
}

void SimulatedDisk::cut_power(uint64_t seed) {
  SeededChance chance(seed);
  for (auto& [id, folder] : folders_) cut_power(folder, chance);
  for (auto& [id, content] : files_) content.cut_power(chance);
}

void SimulatedDisk::cut_power(Folder& folder, SeededChance& chance) {
  const uint64_t how = chance.below(3);
  const size_t prefix = chance.below(folder.pending.size() + 1);
  for (size_t i = 0; i < folder.pending.size(); ++i)
    if (how == 0 ? i < prefix : how == 1 && chance.one_in(2))
      apply(folder.pending[i], folder.durable);
  folder.now = folder.durable;
  folder.pending.clear();
}

void SimulatedDisk::forget_unlinked(const std::set<Id>& open) {
  std::set<Id> linked;
  for (const auto& [id, folder] : folders_) {
    for (const Entries* entries : {&folder.now, &folder.durable})
      for (const auto& [name, node] : *entries) linked.insert(node.id);
    for (const Change& change : folder.pending) linked.insert(change.node.id);
  }
  std::erase_if(files_, [&](const auto& file) {
    return !linked.contains(file.first) && !open.contains(file.first);
  });
}

std::vector<std::string> SimulatedDisk::file_paths() const {
  std::vector<std::string> paths;
  collect(kRoot, "", paths);
  std::ranges::sort(paths);
  return paths;
}

void SimulatedDisk::collect(Id folder, const std::string& prefix,
                            std::vector<std::string>& paths) const {
  for (const auto& [name, node] : folders_.at(folder).now) {
    const std::string path = prefix + "/" + name;
    if (node.kind == Node::Kind::kFile) paths.push_back(path);
    if (node.kind == Node::Kind::kFolder) collect(node.id, path, paths);
  }
}

}  // namespace rstmdb::io
