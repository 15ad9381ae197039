#include "node/release_gate.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rstmdb::node {

Outbox::~Outbox() {
  if (waiting_) gate_.forget(*this);
}

std::string& Outbox::open(Guess guess) {
  opened_as_ = guess;
  std::string& into = guess == Guess::kWaits ? held_ : ready_;
  opened_at_ = into.size();
  return into;
}

void Outbox::seal(uint64_t depends_on) {
  const bool free = depends_on <= gate_.committed();
  if (opened_as_ == Guess::kGoes) {
    if (free) return;
    const std::string answer = ready_.substr(opened_at_);
    ready_.resize(opened_at_);
    hold(answer, depends_on);
    return;
  }
  if (free) {
    // A refusal, or the answer to a repeated request: nothing to wait for.
    ready_.append(held_, opened_at_);
    held_.resize(opened_at_);
    return;
  }
  const uint64_t before = held_answers() == 0 ? 0 : marks_.back().depends_on;
  marks_.push_back({std::max(before, depends_on), held_.size()});
  gate_.wait(*this);
}

void Outbox::hold(std::string_view answer, uint64_t depends_on) {
  opened_as_ = Guess::kWaits;
  opened_at_ = held_.size();
  held_.append(answer);
  seal(depends_on);
}

bool Outbox::release(uint64_t committed) {
  const size_t from = released_;
  while (first_mark_ < marks_.size() && marks_[first_mark_].depends_on <= committed) {
    released_ = marks_[first_mark_++].end;
  }
  if (released_ == from) return false;
  if (first_mark_ < marks_.size()) {
    ready_.append(held_, from, released_ - from);
    compact();
    return true;
  }
  if (ready_.empty() && from == 0) {
    std::swap(ready_, held_);
  } else {
    ready_.append(held_, from);
  }
  held_.clear();
  marks_.clear();
  first_mark_ = 0;
  released_ = 0;
  return true;
}

void Outbox::compact() {
  constexpr size_t kWorthMoving = 64 * 1024;
  if (released_ < kWorthMoving || released_ < held_.size() / 2) return;
  held_.erase(0, released_);
  marks_.erase(marks_.begin(), marks_.begin() + static_cast<std::ptrdiff_t>(first_mark_));
  for (Mark& mark : marks_) mark.end -= released_;
  first_mark_ = 0;
  released_ = 0;
}

void ReleaseGate::release(uint64_t offset) {
  RSTMDB_CHECK(offset >= committed_, "commits only grow");
  committed_ = offset;
  std::vector<Outbox*> now;
  now.swap(waiting_);
  for (Outbox* outbox : now) outbox->waiting_ = false;
  for (Outbox* outbox : now) {
    const bool moved = outbox->release(offset);
    if (outbox->held_answers() > 0) wait(*outbox);
    if (moved) outbox->listener_.on_released();
  }
}

void ReleaseGate::fail(const Error& error) {
  if (!failure_) failure_ = error;
  std::vector<Outbox*> now;
  now.swap(waiting_);
  for (Outbox* outbox : now) outbox->waiting_ = false;
  for (Outbox* outbox : now) {
    const std::string answers = outbox->held_.substr(outbox->released_);
    outbox->held_.clear();
    outbox->marks_.clear();
    outbox->first_mark_ = 0;
    outbox->released_ = 0;
    outbox->listener_.on_withdrawn(answers, *failure_);
  }
}

void ReleaseGate::wait(Outbox& outbox) {
  if (outbox.waiting_) return;
  outbox.waiting_ = true;
  waiting_.push_back(&outbox);
}

void ReleaseGate::forget(Outbox& outbox) { std::erase(waiting_, &outbox); }

}  // namespace rstmdb::node
