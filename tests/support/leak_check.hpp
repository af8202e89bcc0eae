// A fixture for tests with real runtimes: when it ends, everything that weft takes from the process is back.
//
// Stacks are checked by each runtime itself: its depot asserts that all are back when it goes. Here: control
// blocks, descriptors and threads, counted before and after. What the process keeps for ever by design (the
// first runtime's slabs, say) is in use by nobody and does not count.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>

#include <weft/pools/slab.hpp>
#include <weft/runtime/fiber.hpp>

namespace weft_test {

inline std::size_t entries_of(const char* directory) {
  std::error_code gone;  // a thread may end while we look
  std::size_t count = 0;
  for (std::filesystem::directory_iterator at{directory, gone}, end; at != end; at.increment(gone)) ++count;
  return count;
}

/// What a process has of the things that leak.
struct possessions {
  std::size_t fibers = weft::detail::process_slabs<sizeof(weft::detail::fiber)>().count().in_use;
  std::size_t descriptors = entries_of("/proc/self/fd");
  std::size_t threads = entries_of("/proc/self/task");
};

/// Base of fixtures: fails the test that left something behind.
class leak_check : public testing::Test {
 protected:
  leak_check() : before_{(settle(), possessions{})} {}

  ~leak_check() override {
    possessions after;
    // A thread that was joined is listed for another moment: perhaps one from before this test, too.
    // real time: it is the kernel's
    for (int i = 0; i < 1000 && after.threads > before_.threads; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      after = possessions{};
    }
    EXPECT_EQ(after.fibers, before_.fibers) << "control blocks of fibers are still in use";
    EXPECT_EQ(after.descriptors, before_.descriptors) << "descriptors are still open";
    EXPECT_LE(after.threads, before_.threads) << "threads still run";
  }

 private:
  // ThreadSanitizer has a thread of its own from the first one on.
  static void settle() {
    [[maybe_unused]] static const bool once = (std::thread{[] {}}.join(), true);
  }

  const possessions before_;
};

}  // namespace weft_test
