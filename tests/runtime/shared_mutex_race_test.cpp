// shared_mutex and shared_timed_mutex under every interleaving: fibers and foreign threads mixed, alone and
// sharing, against deadlines, stops, and the end of the mutex.
#include <chrono>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/holders.hpp>
#include <sim/last_user.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/shared_mutex.hpp>
#include <weft/runtime/shared_timed_mutex.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;

template <class M>
class AnySharedMutexRace : public testing::Test {};
using kinds = testing::Types<shared_mutex, shared_timed_mutex>;
TYPED_TEST_SUITE(AnySharedMutexRace, kinds);

void check_owner(sim& world, const shared_mutex& m) {
  world.check(m.owner() == &detail::current_parker(), "owner() is another");
}

// All ways to take it, in fibers on two workers and in threads; one of them is stopped, the others have
// deadlines that have passed, that come while it is held, or none.
template <class M>
void take_it_in_every_way(sim& world) {  // long: one scenario
  constexpr bool has_std_names = std::is_same_v<M, shared_timed_mutex>;
  M m;
  holders held{world};
  int expected = 0;
  // A stop does not end it: it is no cancellation point.
  const auto waits_by_std_name = [&](bool share) {
    const auto began = world.now();
    if constexpr (has_std_names) {
      if (share ? m.try_lock_shared_for(1ms) : m.try_lock_for(1ms)) return true;
    }
    world.check(world.now() - began >= 1ms, "too early");
    return false;
  };
  const auto acquire = [&](bool share) {
    const std::uint64_t way = world.random(4);
    if (has_std_names && way == 2) return waits_by_std_name(share);
    if (way == 0) return share ? m.try_lock_shared() : m.try_lock();
    if (way == 1) {
      const deadline until = world.random(2) == 0 ? deadline::past() : world.in(1ms);
      const result<void> r = share ? m.lock_shared(until) : m.lock(until);
      world.check(r.has_value() || r.error() == errc::deadline_exceeded, "the wrong error");
      return r.has_value();
    }
    if (share) m.lock_shared();
    else m.lock();
    return true;
  };
  const auto hold = [&](bool share) {
    ++expected;
    if (share) {
      held.section_shared();
    } else {
      check_owner(world, m);
      held.section();
    }
    if (world.random(4) == 0) sleep_until(world.in(1ms));
    if (share) m.unlock_shared();
    else m.unlock();
  };
  const auto takes = [&] {
    for (int i = 0; i < 2; ++i) {
      const bool share = world.random(2) == 0;
      if (acquire(share)) hold(share);
    }
  };
  const auto stopped = [&] {
    const bool share = world.random(2) == 0;
    if (has_std_names && world.random(2) == 0 && waits_by_std_name(!share)) hold(!share);
    const result<void> r = share ? m.lock_shared(deadline::never()) : m.lock(deadline::never());
    world.check(r.has_value() || r.error() == errc::canceled, "the wrong error");
    if (r) hold(share);
  };
  world.spawn(takes, "fiber");
  world.spawn(takes, "fiber");
  world.thread(takes, "thread");
  auto task = world.rt().spawn(stopped, {.name = "stopped"});
  world.thread([&] {
    takes();
    (void)task.request_stop();
    task.join();
  });
  world.run();
  world.check(held.in_all == expected, "a section was lost");
  world.check(m.owner() == nullptr, "it is still held");
  world.check(m.try_lock(), "it is not free");
  m.unlock();
}

TYPED_TEST(AnySharedMutexRace, excludes_and_loses_nobody) {
  explore(seeds, take_it_in_every_way<TypeParam>, {.workers = 2});
}

// As in an object with a count of its users, which the last one destroys.
template <class M>
void count_and_destroy(sim& world) {
  last_user_destroys<M>(world, [](M& m) {
    if constexpr (std::is_same_v<M, shared_timed_mutex>) {
      if (m.try_lock_shared_for(1ms)) m.unlock_shared();
    } else {
      m.lock_shared();
      m.unlock_shared();
    }
  });
}

TYPED_TEST(AnySharedMutexRace, may_be_destroyed_by_the_next_who_has_had_it) {
  explore(seeds, count_and_destroy<TypeParam>, {.workers = 2});
}

// Two try it again and again while one shares it, so that a try meets others at the queue.
void tries(sim& world) {
  shared_mutex m;
  holders held{world};
  const auto shares = [&] {
    for (int i = 0; i < 2; ++i) {
      // Fails only if somebody holds it alone, or wants to: here nobody ever waits for it.
      world.check(m.try_lock_shared(), "a try to share it fails for no reason");
      held.section_shared();
      m.unlock_shared();
    }
  };
  world.thread(shares);
  world.spawn(shares);
  world.spawn(shares);
  world.run();
  world.check(m.try_lock(), "a try fails for no reason");
  check_owner(world, m);
  held.section();
  m.unlock();
}

TEST(SharedMutex, a_try_does_not_fail_for_no_reason) { explore(seeds, tries, {.workers = 2}); }

const auto race_of_all = [](sim& world) {
  switch (world.random(4)) {
    case 0: return tries(world);
    case 1: return count_and_destroy<shared_mutex>(world);
    default: return take_it_in_every_way<shared_mutex>(world);
  }
};

TEST(SharedMutex, every_operation_of_the_fast_path_is_needed) {
  expect_mutations_found("runtime/shared_mutex.hpp", seeds, race_of_all, {}, {.workers = 2});
}

TEST(SharedMutex, every_operation_of_the_slow_path_is_needed) {
  expect_mutations_found("runtime/shared_mutex.cpp", seeds, race_of_all, {}, {.workers = 2});
}

}  // namespace
}  // namespace weft
