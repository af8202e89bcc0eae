// shared_mutex on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer.
#include <atomic>
#include <chrono>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <everywhere.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <weft/runtime/shared_timed_mutex.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::fibers;
using weft_test::run_everywhere;
using weft_test::scaled;

constexpr unsigned threads = 3;

struct pair {
  long first = 0, second = 0;
};

// One in four writes, the others read; some hold it across a suspension, some give up soon.
TEST(SharedMutexStress, guards_plain_memory) {
  const int rounds = scaled(4000);
  shared_timed_mutex m;
  pair guarded;
  std::atomic<long> expected{0};
  run_everywhere(threads, [&](unsigned id) {
    long wrote = 0;
    for (int i = 0; i < rounds; ++i) {
      const unsigned way = (static_cast<unsigned>(i) + id) % 8;
      if (way < 2) {
        if (way == 0) m.lock();
        else if (!m.lock(20us)) continue;
        ++guarded.first;
        if (i % 16 == 0) this_fiber::yield();
        ++guarded.second;
        ++wrote;
        m.unlock();
      } else {
        if (way == 2 && !m.try_lock_shared_for(20us)) continue;
        if (way == 3 && !m.try_lock_shared()) continue;
        if (way > 3) m.lock_shared();
        EXPECT_EQ(guarded.first, guarded.second);
        if (i % 16 == 1) this_fiber::yield();
        EXPECT_EQ(guarded.first, guarded.second);
        m.unlock_shared();
      }
    }
    expected.fetch_add(wrote);
  });
  EXPECT_EQ(guarded.first, expected.load());
}

// The last of its users destroys it.
TEST(SharedMutexStress, dies_with_its_last_user) {
  struct shared {
    shared_mutex lock;
    unsigned users = fibers + threads;
  };
  std::vector<shared*> all;
  for (int i = 0; i < scaled(1000); ++i) all.push_back(new shared);
  run_everywhere(threads, [&](unsigned) {
    for (shared* const s : all) {
      s->lock.lock_shared();
      s->lock.unlock_shared();
      s->lock.lock();
      const bool last = --s->users == 0;
      s->lock.unlock();
      if (last) delete s;
    }
  });
}

}  // namespace
}  // namespace weft
