// What is on a simulated disk: folders and files as programs see them now, and what of it is
// durable. A plain value: a copy is another disk in the same state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rstmdb::io {

/// SplitMix64: small, seeded, and the same on every machine.
class SeededChance {
 public:
  explicit SeededChance(uint64_t seed) : state_(seed) {}
  uint64_t next();
  uint64_t below(uint64_t bound) { return next() % bound; }
  bool one_in(uint64_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

/// A file's bytes now, its durable bytes, and the changes between the two.
class SimulatedContent {
 public:
  const std::string& now() const { return now_; }
  void write(uint64_t at, std::string_view bytes);
  void resize(uint64_t size);
  void sync();
  /// Forgets the written bytes that the next sync would make durable; reads go on showing them. A
  /// change of the size stays pending: it is in the file system's journal, not in pages.
  void drop_unsynced();
  /// Only a legal remainder of what was not synced stays.
  void cut_power(SeededChance& chance);

 private:
  struct Change {
    enum class Kind { kWrite, kResize };
    Kind kind;
    uint64_t at;  // of a write
    std::string bytes;
    uint64_t size_after;
    std::string before;  // what a write has replaced, or what a smaller size has cut off
    uint64_t size_before;
  };
  static void apply(const Change& change, std::string& to);
  static void take_back(const Change& change, std::string& from);
  void change(Change change);
  std::string durable() const;
  std::string some_prefix(std::string left, SeededChance& chance) const;
  std::string some_sectors(std::string left, SeededChance& chance) const;

  std::string now_;
  std::vector<Change> pending_;
  // The durable bytes, where they are not what now_ was before the pending changes.
  std::optional<std::string> durable_;
};

class SimulatedDisk {
 public:
  using Id = uint64_t;
  struct Node {
    enum class Kind { kFile, kFolder };
    Kind kind = Kind::kFile;
    Id id = 0;
  };

  SimulatedDisk() { folders_[kRoot]; }

  std::optional<Node> find(std::string_view path) const;
  SimulatedContent& file(Id id) { return files_.at(id); }
  const SimulatedContent& file(Id id) const { return files_.at(id); }
  /// Names in a folder, sorted.
  std::vector<std::string> names(Id folder) const;

  // Each answers false when a parent or the source is missing (or, for add, the name is taken).
  bool add(std::string_view path, Node::Kind kind);
  bool remove(std::string_view path);
  bool remove_folder(std::string_view path);                // also false when it is not empty
  bool rename(std::string_view from, std::string_view to);  // within one folder
  void sync_folder(Id folder);

  void sync_everything();
  void cut_power(uint64_t seed);
  /// Forgets the content that no entry leads to, neither now nor after a power cut, and that
  /// nobody has `open`.
  void forget_unlinked(const std::set<Id>& open);
  std::vector<std::string> file_paths() const;

 private:
  static constexpr Id kRoot = 0;
  using Entries = std::map<std::string, Node, std::less<>>;
  struct Change {
    std::string from;  // "" for an addition
    std::string to;    // "" for a removal
    Node node;
  };
  struct Folder {
    Entries now;
    Entries durable;
    std::vector<Change> pending;
  };
  struct Place {
    Id folder;
    std::string name;
  };

  std::optional<Place> locate(std::string_view path) const;
  void change(Id folder, Change change);
  static void apply(const Change& change, Entries& to);
  static void cut_power(Folder& folder, SeededChance& chance);
  void collect(Id folder, const std::string& prefix, std::vector<std::string>& paths) const;

  std::map<Id, Folder> folders_;
  std::map<Id, SimulatedContent> files_;
  Id next_id_ = 1;
};

}  // namespace rstmdb::io
