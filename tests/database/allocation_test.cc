// Every allocation in the life of the whole server fails. The promise: out of memory ends the
// process at once (base/out_of_memory.h), and the next start has what was promised.
//
// This program has its own operator new. It counts the allocations of a life, and at each it makes
// a child in which this one fails as in any program: the new handler is called, and without one
// std::bad_alloc is thrown. The child has to die of SIGABRT there and then. The disk as it is at
// that moment, under every distinct number of file calls, is started from twice.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <utility>

#include "base/logging.h"
#include "base/out_of_memory.h"
#include "scripted_life.h"

namespace {

bool armed = false;
std::function<void()>* at_allocation = nullptr;

void* allocate(size_t size) {
  if (armed) {
    armed = false;  // what is done about it allocates as well
    (*at_allocation)();
    armed = true;
  }
  void* place = std::malloc(size == 0 ? 1 : size);
  if (place == nullptr) std::abort();
  return place;
}

void* allocate_aligned(size_t size, std::align_val_t alignment) {
  if (armed) {
    armed = false;
    (*at_allocation)();
    armed = true;
  }
  const auto border = static_cast<size_t>(alignment);
  void* place = std::aligned_alloc(border, (size + border - 1) / border * border);
  if (place == nullptr) std::abort();
  return place;
}

}  // namespace

void* operator new(size_t size) { return allocate(size); }
void* operator new[](size_t size) { return allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new(size_t size, std::align_val_t border) { return allocate_aligned(size, border); }
void* operator new[](size_t size, std::align_val_t border) {
  return allocate_aligned(size, border);
}
void operator delete(void* place) noexcept { std::free(place); }
void operator delete[](void* place) noexcept { std::free(place); }
void operator delete(void* place, size_t) noexcept { std::free(place); }
void operator delete[](void* place, size_t) noexcept { std::free(place); }
void operator delete(void* place, std::align_val_t) noexcept { std::free(place); }
void operator delete[](void* place, std::align_val_t) noexcept { std::free(place); }
void operator delete(void* place, size_t, std::align_val_t) noexcept { std::free(place); }
void operator delete[](void* place, size_t, std::align_val_t) noexcept { std::free(place); }

namespace rstmdb::app {
namespace {

using io::SimulatedFileSystem;

constexpr int kWentOn = 42;  // exit code of a child that outlived its failed allocation

class OutOfMemory : public testing::Test {
 protected:
  OutOfMemory() {
    set_logging(Level::kError, LogFormat::kJson);
    end_when_out_of_memory();
  }
  ~OutOfMemory() override { std::set_new_handler(nullptr); }

  /// A child in which the allocation under way fails; how it ended.
  static int fail_in_a_child() {
    const pid_t child = ::fork();
    if (child == 0) {
      const rlimit no_core{0, 0};
      ::setrlimit(RLIMIT_CORE, &no_core);
      ::prctl(PR_SET_DUMPABLE, 0);
      ::close(STDERR_FILENO);  // what it says is known
      in_child_ = true;
      if (const std::new_handler handler = std::get_new_handler()) handler();
      throw std::bad_alloc();
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
  }
  static void end_if_in_child() {
    if (in_child_) ::_exit(kWentOn);
  }
  static inline bool in_child_ = false;
};

TEST_F(OutOfMemory, whichever_allocation_fails_the_process_ends_at_once_and_nothing_is_lost) {
  Witness all;
  {
    SimulatedFileSystem files;
    ScriptedLife(files, all).run();
  }
  SimulatedFileSystem files;
  Witness witness;
  uint64_t allocations = 0;
  uint64_t disks = 0;
  std::function<void()> strike = [&] {
    ++allocations;
    if (HasFailure()) return;
    const int status = fail_in_a_child();
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
        << "allocation " << allocations << ": the process went on, status " << status;
  };
  // Between two file calls the disk is the same, and the later, the more has been acknowledged.
  files.before_each_call([&](SimulatedFileSystem::Call, const std::string&) {
    const bool was_armed = std::exchange(armed, false);
    ++disks;
    Witness now;
    now.states = all.states;
    now.acknowledged = witness.acknowledged;
    if (!HasFailure())
      expect_promised_twice(*files.clone(), now, "allocation " + std::to_string(allocations));
    armed = was_armed;
  });
  at_allocation = &strike;
  armed = true;
  ScriptedLife(files, witness).run();
  armed = false;
  end_if_in_child();
  EXPECT_EQ(witness.states, all.states) << "not the same life";
  EXPECT_EQ(witness.clean_ends, 2u);
  EXPECT_GT(allocations, 1000u);
  EXPECT_GT(disks, 100u);
  std::printf(
      "%llu allocations, each failed and ended the process; %llu disks started from twice: 0 "
      "differences\n",
      static_cast<unsigned long long>(allocations), static_cast<unsigned long long>(disks));
}

}  // namespace
}  // namespace rstmdb::app
