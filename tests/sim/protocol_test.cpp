// Textbook protocols, broken and right: the simulator finds what is wrong with the first and nothing with the
// second.
//
// Then the same by mutation: each load and store of the right ones, taken out, is noticed.
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft {
namespace {

using detail::atomic;
using detail::futex_wait;
using detail::futex_wake;

constexpr std::uint64_t seeds = 10'000;

// --- Dekker: each announces itself and then looks for the other

void dekker(sim& world, bool announces_first) {
  atomic<int> wants[2]{};
  int inside = 0;
  const auto enter = [&](int me) {
    if (announces_first) wants[me].store(1);
    const bool free = wants[1 - me].load() == 0;
    if (!announces_first) wants[me].store(1);
    if (!free) return;
    ++inside;
    world.interleave();
    world.check(inside == 1, "two inside");
    --inside;
    wants[me].store(0);
  };
  world.thread([&] { enter(0); });
  world.thread([&] { enter(1); });
  world.run();
}

TEST(Dekker, looking_before_announcing_lets_two_in) {
  const exploration e = find_failure(seeds, [](sim& world) { dekker(world, false); });
  ASSERT_TRUE(e.failure);
  EXPECT_LT(e.failure->seed, 100u);
}

TEST(Dekker, announcing_first_excludes) {
  explore(seeds, [](sim& world) { dekker(world, true); });
}

// --- A flag and a sleeping flag: the lost wake-up between two atomics on two threads

void sleep_and_wake(sim& world, bool looks_again) {
  atomic<std::uint32_t> work{0};
  atomic<std::uint32_t> asleep{0};
  world.thread([&] {
    while (work.load() == 0) {
      asleep.store(1);
      if (looks_again && work.load() != 0) return;
      while (asleep.load() == 1) futex_wait(asleep, 1, deadline::never());
    }
  });
  world.thread([&] {
    work.store(1);
    if (asleep.load() == 1) {
      asleep.store(0);
      futex_wake(&asleep, 1);
    }
  });
  world.run();
}

TEST(SleepAndWake, sleeping_without_another_look_loses_the_wake) {
  const exploration e = find_failure(seeds, [](sim& world) { sleep_and_wake(world, false); });
  ASSERT_TRUE(e.failure);
  EXPECT_LT(e.failure->seed, 200u);
  EXPECT_NE(e.failure->what.find("deadlock"), std::string::npos);
}

TEST(SleepAndWake, another_look_after_announcing_is_enough) {
  explore(seeds, [](sim& world) { sleep_and_wake(world, true); });
}

// --- A futex mutex of three states (Drepper, Futexes Are Tricky, 2011); unlocking must wake if anybody may
// sleep

struct three_state_mutex {
  atomic<std::uint32_t> word{0};
  bool forgets_to_wake = false;

  void lock() {
    std::uint32_t seen = 0;
    if (word.compare_exchange_strong(seen, 1)) return;
    if (seen != 2) seen = word.exchange(2);
    while (seen != 0) {
      futex_wait(word, 2, deadline::never());
      seen = word.exchange(2);
    }
  }
  void unlock() {
    if (word.exchange(0) == 2 && !forgets_to_wake) futex_wake(&word, 1);
  }
};

void increments(sim& world, bool forgets_to_wake) {
  three_state_mutex mutex;
  mutex.forgets_to_wake = forgets_to_wake;
  int count = 0;
  for (int i = 0; i < 3; ++i)
    world.thread([&] {
      for (int n = 0; n < 2; ++n) {
        mutex.lock();
        const int old = count;
        world.interleave();
        count = old + 1;
        mutex.unlock();
      }
    });
  world.run();
  world.check(count == 6, "an increment was lost");
}

TEST(FutexMutex, a_forgotten_wake_is_found) {
  const exploration e = find_failure(seeds, [](sim& world) { increments(world, true); });
  ASSERT_TRUE(e.failure);
  EXPECT_LT(e.failure->seed, 200u);
}

TEST(FutexMutex, excludes_and_wakes) {
  explore(seeds, [](sim& world) { increments(world, false); });
}

TEST(FutexMutex, every_operation_is_needed) {
  expect_mutations_found("protocol_test.cpp", 2000, [](sim& world) { increments(world, false); });
}

// --- Treiber's stack: ABA when nodes are reused, right with a counter beside the pointer

struct stack_node {
  std::uint32_t next = 0;  // index + 1; 0 ends
  bool owned = false;      // by a thread that has popped it
};

template <bool Counted>
struct treiber_stack {
  static constexpr std::uint64_t step = Counted ? std::uint64_t{1} << 32 : 0;

  void push(stack_node* nodes, std::uint32_t index) {
    std::uint64_t head = top.load();
    do {
      nodes[index].next = static_cast<std::uint32_t>(head);
    } while (!top.compare_exchange_weak(head, ((head & ~std::uint64_t{0xffffffff}) + step) | (index + 1)));
  }
  std::uint32_t pop(const stack_node* nodes) {  // index + 1
    std::uint64_t head = top.load();
    for (;;) {
      const std::uint32_t first = static_cast<std::uint32_t>(head);
      if (first == 0) return 0;
      const std::uint64_t after = ((head & ~std::uint64_t{0xffffffff}) + step) | nodes[first - 1].next;
      if (top.compare_exchange_weak(head, after)) return first;
    }
  }
  atomic<std::uint64_t> top{0};
};

template <bool Counted>
void pops_and_pushes(sim& world) {
  treiber_stack<Counted> stack;
  stack_node nodes[3];
  for (std::uint32_t i = 0; i < 3; ++i) stack.push(nodes, i);
  const auto pop = [&] {
    const std::uint32_t got = stack.pop(nodes);
    if (got == 0) return got;
    world.check(!nodes[got - 1].owned, "popped a node that somebody has");
    nodes[got - 1].owned = true;
    return got;
  };
  const auto push = [&](std::uint32_t node) {
    if (node == 0) return;
    nodes[node - 1].owned = false;
    stack.push(nodes, node - 1);
  };
  world.thread([&] { push(pop()); });
  world.thread([&] {
    const std::uint32_t a = pop();
    const std::uint32_t b = pop();
    push(a);
    (void)b;  // stays with this thread
  });
  world.run();
  for (std::uint32_t got = pop(); got != 0; got = pop()) {}
}

TEST(TreiberStack, reused_nodes_are_mistaken) {
  const exploration e = find_failure(seeds, [](sim& world) { pops_and_pushes<false>(world); });
  ASSERT_TRUE(e.failure);
  EXPECT_LT(e.failure->seed, 1000u);
}

TEST(TreiberStack, counter_beside_the_pointer_tells_them_apart) {
  explore(seeds, [](sim& world) { pops_and_pushes<true>(world); });
}

// --- A bug that needs many steps of one thread between two of another: a random walk alone takes long

TEST(Strategies, a_long_delay_in_one_place_is_found) {
  const exploration e = find_failure(seeds, [](sim& world) {
    atomic<int> clock{0};
    world.thread([&] {
      const int before = clock.load();
      const int after = clock.load();
      world.check(after - before < 40, "held up for forty steps");
    });
    world.thread([&] {
      for (int i = 0; i < 60; ++i) clock.store(i);
    });
    world.run();
  });
  ASSERT_TRUE(e.failure);
}

TEST(Exploration, makes_more_than_300_000_decisions_a_second) {
  // The figure on an idle core of the build machine is over 5 million; this only catches a collapse.
  const std::clock_t start = std::clock();  // of the processor: others may use it too
  const exploration e = find_failure(2000, [](sim& world) { increments(world, false); });
  const double took = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  ASSERT_FALSE(e.failure);
  RecordProperty("decisions_per_second", static_cast<int>(static_cast<double>(e.steps) / took));
  std::printf("%.2f million decisions in %.3f s: %.2f million/s\n", static_cast<double>(e.steps) / 1e6, took,
              static_cast<double>(e.steps) / took / 1e6);
  EXPECT_GT(static_cast<double>(e.steps) / took, 3e5);
}

}  // namespace
}  // namespace weft
