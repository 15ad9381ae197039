// Those that a door serves. Who has ended is taken out at once, but destroyed in a later task of
// the loop: the end comes from inside its own calls. On the loop's thread.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "io/executor.h"

namespace rstmdb::http {

template <class T>
class Roster {
 public:
  /// `on_buried` runs whenever nobody who has ended is left.
  explicit Roster(
      io::Loop& loop, std::function<void()> on_buried = [] {})
      : loop_(loop), on_buried_(std::move(on_buried)) {}
  ~Roster() { *there_ = false; }
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  T& add(std::unique_ptr<T> one) {
    T& added = *one;
    places_.emplace(&added, living_.insert(living_.end(), std::move(one)));
    return added;
  }
  void end(T& one) {
    const auto found = places_.find(&one);
    if (found == places_.end()) return;
    if (ended_.empty()) {
      loop_.post([this, there = there_] {
        if (!*there) return;
        ended_.clear();
        on_buried_();
      });
    }
    ended_.push_back(std::move(*found->second));
    living_.erase(found->second);
    places_.erase(found);
  }
  /// Calls `use` with each; ending one meanwhile is allowed.
  template <class Use>
  void each(const Use& use) {
    std::vector<T*> all;
    all.reserve(living_.size());
    for (const auto& one : living_) all.push_back(one.get());
    for (T* one : all) use(*one);
  }
  size_t size() const { return living_.size(); }
  bool empty() const { return living_.empty() && ended_.empty(); }

 private:
  io::Loop& loop_;
  std::function<void()> on_buried_;
  // In the order in which they came: a walk over them is the same in each run of a simulation.
  std::list<std::unique_ptr<T>> living_;
  std::unordered_map<T*, typename std::list<std::unique_ptr<T>>::iterator> places_;
  std::vector<std::unique_ptr<T>> ended_;
  std::shared_ptr<bool> there_ = std::make_shared<bool>(true);  // shared with a posted burial
};

}  // namespace rstmdb::http
