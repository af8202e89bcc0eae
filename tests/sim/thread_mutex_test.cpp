// The mutex between threads under every interleaving.
#include <weft/runtime/base/thread_mutex.hpp>

#include <mutex>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>

namespace weft {
namespace {

using detail::thread_mutex;

void count(sim& world) {
  thread_mutex mutex;
  int inside = 0, sum = 0;
  for (int i = 0; i < 3; ++i) {
    world.thread([&] {
      for (int round = 0; round < 2; ++round) {
        const std::lock_guard guard{mutex};
        world.check(++inside == 1, "two inside");
        world.interleave();
        --inside;
        ++sum;
      }
    });
  }
  world.thread([&] {
    if (!mutex.try_lock()) return;
    world.check(++inside == 1, "two inside, one of them by try_lock");
    world.interleave();
    --inside;
    mutex.unlock();
  });
  world.run();
  world.check(sum == 6, "a section was lost");
  world.check(mutex.try_lock(), "it stayed locked");
}

TEST(ThreadMutex, excludes_and_wakes) { explore(10'000, count); }

TEST(ThreadMutex, every_operation_is_needed) { expect_mutations_found("thread_mutex.hpp", 10'000, count); }

}  // namespace
}  // namespace weft
