// A fixture for tests with real runtimes: when it ends, everything that weft takes from the process is back.
//
// Stacks are checked by each runtime itself: its depot asserts that all are back when it goes. Here: control
// blocks, descriptors and threads, counted before and after. What the process keeps for ever by design (the
// first runtime's slabs, say) is in use by nobody and does not count.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <thread_stat.hpp>
#include <weft/pools/slab.hpp>
#include <weft/runtime/fiber.hpp>

namespace weft_test {

inline std::size_t entries_of(const char* directory) {
  std::error_code gone;
  std::size_t count = 0;
  for (std::filesystem::directory_iterator at{directory, gone}, end; at != end; at.increment(gone)) ++count;
  return count;
}

/// But for those that end, and the kernel's own.
inline std::size_t live_threads() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/task"}) {
    const std::optional<thread_stat> stat = stat_of(entry.path().filename());
    count += stat && !stat->ends() && !stat->of_the_kernel();
  }
  return count;
}

/// What a process has of the things that leak.
struct possessions {
  std::size_t fibers = weft::detail::process_slabs<sizeof(weft::detail::fiber)>().count().in_use;
  std::size_t descriptors = entries_of("/proc/self/fd");
  std::size_t threads = live_threads();
};

/// Base of fixtures: fails the test that left something behind.
class leak_check : public testing::Test {
 protected:
  leak_check() : before_{(settle(), possessions{})} {}

  ~leak_check() override {
    const possessions after;
    EXPECT_EQ(after.fibers, before_.fibers) << "control blocks of fibers are still in use";
    EXPECT_EQ(after.descriptors, before_.descriptors) << "descriptors are still open";
    EXPECT_EQ(after.threads, before_.threads) << "threads still run";
  }

 private:
  // ThreadSanitizer has a thread of its own from the first one on.
  static void settle() {
    [[maybe_unused]] static const bool once = (std::thread{[] {}}.join(), true);
  }

  const possessions before_;
};

}  // namespace weft_test
