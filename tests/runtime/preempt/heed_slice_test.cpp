// A fiber that makes calls of weft, none of which has to wait, lets others run when its slice is over.
#include <weft/runtime/heed_slice.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include <leak_check.hpp>
#include <weft/runtime/channel.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/nursery.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/semaphore.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <with_workers.hpp>

#include "busy.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

class HeedSlice : public weft_test::leak_check {};

void on_one_worker(const std::function<void()>& f) {
  options o = weft_test::with_workers(1);
  o.slice = 10ms;
  run(f, o);
}

// Whether another fiber of the worker runs while this one calls on and on.
bool another_runs_during(const std::function<void()>& call) {
  std::atomic<bool> other_ran{false};
  auto other = spawn([&] { other_ran.store(true); });
  const double end = weft_test::cpu_seconds() + 10;
  while (!other_ran.load() && weft_test::cpu_seconds() < end) call();
  const bool ran_between = other_ran.load();
  other.join();
  return ran_between;
}

bool lets_others_run(const std::function<void()>& call) {
  bool so = false;
  on_one_worker([&] { so = another_runs_during(call); });
  return so;
}

TEST_F(HeedSlice, a_fiber_that_takes_free_locks) {
  mutex m;
  EXPECT_TRUE(lets_others_run([&] {
    m.lock();
    m.unlock();
  }));
  EXPECT_TRUE(lets_others_run([&] {
    ASSERT_TRUE(m.lock(1s));
    m.unlock();
  }));
}

TEST_F(HeedSlice, a_fiber_that_takes_free_shared_locks) {
  shared_mutex m;
  EXPECT_TRUE(lets_others_run([&] {
    m.lock();
    m.unlock();
  }));
  EXPECT_TRUE(lets_others_run([&] {
    m.lock_shared();
    m.unlock_shared();
  }));
}

TEST_F(HeedSlice, a_fiber_that_sends_where_there_is_room) {
  channel<int> c{1};
  EXPECT_TRUE(lets_others_run([&] {
    if (!c.try_recv()) ASSERT_TRUE(c.send(1));
  }));
}

TEST_F(HeedSlice, a_fiber_that_receives_what_is_there) {
  channel<int> c{1};
  EXPECT_TRUE(lets_others_run([&] {
    if (c.try_send(1)) ASSERT_TRUE(c.recv());
  }));
}

TEST_F(HeedSlice, a_fiber_that_takes_permits) {
  counting_semaphore<> s{1};
  EXPECT_TRUE(lets_others_run([&] {
    s.acquire();
    s.release();
  }));
}

TEST_F(HeedSlice, a_fiber_that_waits_for_what_has_happened) {
  event e;
  e.set();
  EXPECT_TRUE(lets_others_run([&] { ASSERT_TRUE(e.wait()); }));
}

TEST_F(HeedSlice, a_fiber_that_spawns) {
  EXPECT_TRUE(lets_others_run([] { spawn([] {}).detach(); }));
}

TEST_F(HeedSlice, a_fiber_that_spawns_into_a_join_set) {
  on_one_worker([] {
    std::uint64_t x = 1;
    join_set<void> s;
    EXPECT_TRUE(another_runs_during([&] {
      x = weft_test::compute(x);  // so that there are not too many
      s.spawn([] {});
    }));
  });
}

TEST_F(HeedSlice, a_fiber_that_spawns_into_a_nursery) {
  on_one_worker([] {
    std::uint64_t x = 1;
    EXPECT_TRUE(with_nursery([&](nursery& n) {
      EXPECT_TRUE(another_runs_during([&] {
        x = weft_test::compute(x);
        n.spawn([] {});
      }));
    }));
  });
}

}  // namespace
}  // namespace weft
