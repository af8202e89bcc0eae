// mutex on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer.
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <everywhere.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/recursive_mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/timed_mutex.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::fibers;
using weft_test::run_everywhere;
using weft_test::scaled;

constexpr unsigned threads = 3;

template <class M>
class AnyMutexStress : public testing::Test {};
using kinds = testing::Types<mutex, timed_mutex, recursive_mutex>;
TYPED_TEST_SUITE(AnyMutexStress, kinds);

TYPED_TEST(AnyMutexStress, guards_plain_memory) {
  const int rounds = scaled(20'000);
  TypeParam m;
  long counted = 0;
  run_everywhere(threads, [&](unsigned) {
    for (int i = 0; i < rounds; ++i) {
      const std::lock_guard hold{m};
      ++counted;
    }
  });
  EXPECT_EQ(counted, long{rounds} * (fibers + threads));
}

// Held across suspensions, taken with deadlines that may pass.
TYPED_TEST(AnyMutexStress, guards_plain_memory_across_suspensions) {
  const int rounds = scaled(1000);
  TypeParam m;
  long counted = 0, expected = 0;
  std::mutex sum;
  run_everywhere(threads, [&](unsigned id) {
    long mine = 0;
    for (int i = 0; i < rounds; ++i) {
      if ((i + static_cast<int>(id)) % 3 == 0) {
        if (!m.lock(20us)) continue;
      } else if (i % 3 == 1) {
        if (!m.try_lock()) continue;
      } else {
        m.lock();
      }
      ++mine;
      ++counted;
      if (i % 4 == 0) this_fiber::yield();
      m.unlock();
    }
    const std::lock_guard hold{sum};
    expected += mine;
  });
  EXPECT_EQ(counted, expected);
}

// The last of its users destroys it.
TEST(MutexStress, dies_with_its_last_user) {
  struct shared {
    mutex lock;
    unsigned users = fibers + threads;
  };
  const int rounds = scaled(1000);
  std::vector<shared*> all;
  for (int i = 0; i < rounds; ++i) all.push_back(new shared);
  run_everywhere(threads, [&](unsigned) {
    for (shared* const s : all) {
      s->lock.lock();
      const bool last = --s->users == 0;
      s->lock.unlock();
      if (last) delete s;
    }
  });
}

}  // namespace
}  // namespace weft
