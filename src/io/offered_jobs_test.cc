#include "io/offered_jobs.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

namespace rstmdb::io {
namespace {

constexpr size_t kSlots = 8;

TEST(OfferedJobs, WhatNobodyHasBegunIsDoneByWhoNeedsIt) {
  std::array<std::thread::id, kSlots> by;
  OfferedJobs jobs(Ahead::kInline, kSlots,
                   [&by](size_t slot) { by[slot] = std::this_thread::get_id(); });
  for (size_t slot = 0; slot < kSlots; ++slot) jobs.offer(slot);
  jobs.wake();
  jobs.withdraw(0);
  EXPECT_EQ(by[0], std::thread::id());
  for (size_t slot = 1; slot < kSlots; ++slot) {
    jobs.finish(slot);
    EXPECT_EQ(by[slot], std::this_thread::get_id());
  }
}

TEST(OfferedJobs, TheOtherThreadDoesWhatIsOffered) {
  std::array<std::atomic<bool>, kSlots> done = {};
  const std::thread::id here = std::this_thread::get_id();
  OfferedJobs jobs(Ahead::kThread, kSlots, [&](size_t slot) {
    EXPECT_NE(std::this_thread::get_id(), here);
    done[slot].store(true);
    done[slot].notify_one();
  });
  for (int round = 0; round < 100; ++round) {
    for (size_t slot = 0; slot < kSlots; ++slot) {
      done[slot].store(false);
      jobs.offer(slot);
    }
    jobs.wake();
    for (size_t slot = 0; slot < kSlots; ++slot) {
      done[slot].wait(false);
      jobs.finish(slot);
    }
  }
}

TEST(OfferedJobs, WhatIsWithdrawnIsNotDoneAfterwards) {
  std::array<int, kSlots> times = {};
  OfferedJobs jobs(Ahead::kThread, kSlots, [&times](size_t slot) { ++times[slot]; });
  for (int round = 0; round < 1'000; ++round) {
    for (size_t slot = 0; slot < kSlots; ++slot) jobs.offer(slot);
    if (round % 2 == 0) jobs.wake();
    for (size_t slot = 0; slot < kSlots; ++slot) jobs.withdraw(slot);
    const std::array<int, kSlots> seen = times;
    jobs.wake();  // finds nothing
    for (size_t slot = 0; slot < kSlots; ++slot) {
      jobs.withdraw(slot);
      EXPECT_EQ(times[slot], seen[slot]);
      EXPECT_LE(times[slot], round + 1);
    }
  }
}

TEST(OfferedJobs, EachIsDoneOnceAndWhatItMadeIsSeen) {
  struct Piece {
    uint64_t given = 0;
    uint64_t made = 0;
    int times = 0;
  };
  std::array<Piece, kSlots> pieces;
  OfferedJobs jobs(Ahead::kThread, kSlots, [&pieces](size_t slot) {
    Piece& piece = pieces[slot];
    piece.made = piece.given * 3;
    ++piece.times;
  });
  for (uint64_t round = 1; round <= 20'000; ++round) {
    for (size_t slot = 0; slot < kSlots; ++slot) {
      pieces[slot] = {.given = round * kSlots + slot};
      jobs.offer(slot);
      if (slot == round % kSlots) jobs.wake();
    }
    for (size_t slot = 0; slot < kSlots; ++slot) {
      jobs.finish(slot);
      ASSERT_EQ(pieces[slot].made, (round * kSlots + slot) * 3);
      ASSERT_EQ(pieces[slot].times, 1);
    }
  }
}

}  // namespace
}  // namespace rstmdb::io
