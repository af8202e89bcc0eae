// parallel_for() in simulated worlds: every element once, what a failure and a stop leave undone, and chunks.
#include <chrono>
#include <deque>
#include <ranges>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <sim/sleep_until.hpp>
#include <weft/runtime/parallel_for.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/with_deadline.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t seeds = 10'000;
constexpr simulator_options two_workers{.workers = 2};

const std::error_code broken = std::make_error_code(std::errc::broken_pipe);

// Runs `f` in a fiber of a world, for as long as it takes.
template <class F>
void on_a_fiber(F f, simulator_options o = {}) {
  sim world{1, o};
  world.spawn([&] { f(world); });
  world.run();
}

TEST(ParallelFor, calls_for_every_element_once) {
  for (const unsigned workers : {1u, 2u, 3u})
    on_a_fiber(
        [](sim&) {
          for (const std::size_t count : {0u, 1u, 2u, 7u, 100u})
            for (const std::size_t chunk : {0u, 1u, 3u, 1000u}) {
              std::vector<int> calls(count);
              EXPECT_TRUE(parallel_for(calls, [](int& n) { ++n; }, chunk));
              EXPECT_EQ(calls, std::vector<int>(count, 1));
            }
        },
        {.workers = workers});
}

TEST(ParallelFor, takes_any_random_access_range) {
  on_a_fiber([](sim&) {
    int sum = 0;
    EXPECT_TRUE(parallel_for(std::views::iota(1, 101), [&](int n) { sum += n; }));
    EXPECT_EQ(sum, 5050);
    const std::deque<int> queue{1, 2, 3};
    EXPECT_TRUE(parallel_for(queue, [&](const int& n) -> result<void> {
      sum += n;
      return this_fiber::sleep_for(1ms);  // it may wait
    }));
    EXPECT_EQ(sum, 5056);
  });
}

TEST(ParallelFor, a_failure_ends_it_and_comes_out) {
  on_a_fiber([](sim&) {
    int calls = 0;
    const auto r = parallel_for(
        std::views::iota(0, 100),
        [&](int n) -> result<void> {
          ++calls;
          if (n == 10) return std::unexpected(broken);
          return {};
        },
        1);
    EXPECT_EQ(r.error(), broken);
    EXPECT_EQ(calls, 11);
    EXPECT_THROW((void)parallel_for(std::views::iota(0, 100), [](int n) { n == 10 ? throw 1 : 0; }), int);
  });
}

TEST(ParallelFor, a_deadline_ends_it) {
  on_a_fiber([](sim&) {
    int calls = 0;
    with_deadline(5ms, [&] {
      const auto r =
          parallel_for(std::views::iota(0, 100), [&](int) { ++calls, (void)this_fiber::sleep_for(1ms); }, 1);
      EXPECT_EQ(r.error(), errc::deadline_exceeded);
    });
    EXPECT_LT(calls, 10);
  });
}

TEST(ParallelFor, automatic_chunks_grow_while_elements_are_cheap) {
  on_a_fiber([](sim& world) {
    detail::shared_indices all{.count = 10'000, .chunk = 0, .takers = 2};
    detail::chunk_taker mine{all};
    std::size_t largest = 0, last = 0, chunks = 0, next = 0;
    while (mine.take()) {
      EXPECT_EQ(mine.begin(), next);
      next = mine.end();
      last = mine.end() - mine.begin();
      largest = std::max(largest, last);
      ++chunks;
      if (largest > 1000) (void)this_fiber::sleep_for(1ms);  // now they take long
    }
    EXPECT_EQ(next, all.count);
    EXPECT_GT(largest, 1000u);
    EXPECT_EQ(last, 1u);
    EXPECT_LT(chunks, 7000u);
    (void)world;
  });
}

// --- every interleaving

// Whatever is asked of the fiber.
void rest(deadline until) {
  detail::wait w{/*cancellable=*/false};
  (void)park(w, until, detail::park_reason::sleep);
}

// Elements that wait, yield and fail on two workers, and a stop or a deadline at any moment.
void some_are_done(sim& world) {
  const std::size_t count = 1 + world.random(5);
  const std::size_t chunk = world.random(3);
  const std::uint64_t failing = world.random(10);
  const bool stops = world.random(2) == 0, limited = world.random(2) == 0;
  const deadline until = world.in(world.random(2) == 0 ? 0ms : 1ms);
  std::vector<int> calls(count);
  bool failed = false;
  auto t = world.rt().spawn([&] {
    const auto does = [&](std::size_t i) -> result<void> {
      ++calls[i];
      const auto way = world.random(5);
      if (way == 0) this_fiber::yield();
      else if (way == 1) rest(until);
      if (i == failing) {
        failed = true;
        return std::unexpected(broken);
      }
      return {};
    };
    const result<void> r = with_deadline(limited ? until : deadline::never(), [&] {
      return parallel_for(std::views::iota(std::size_t{0}, count), does, chunk);
    });
    std::size_t done = 0;
    for (const int n : calls) {
      world.check(n <= 1, "an element was done twice");
      done += n != 0;
    }
    if (r) return world.check(done == count && !failed, "not all were done");
    if (r.error() == broken) return world.check(failed, "failed by nobody");
    if (r.error() == errc::canceled) world.check(stops, "canceled by nobody");
    else world.check(r.error() == errc::deadline_exceeded && limited && until.expired(), "the wrong error");
    world.check(done < count, "given up, though all were done");
  });
  if (stops)
    world.thread([&] {
      if (world.random(2) == 0) sleep_until(until);
      (void)t.request_stop();
    });
  world.run();
  t.join();
}

TEST(ParallelFor, does_each_once_and_says_when_some_were_not) { explore(seeds, some_are_done, two_workers); }

TEST(ParallelFor, every_operation_is_needed) {
  using enum mutation::change;
  expect_mutations_found(
      "runtime/parallel_for.hpp", seeds, some_are_done,
      {{"of_.next.load(std::memory_order_relaxed)", drop, "decides about the size of a chunk only"}},
      two_workers);
}

}  // namespace
}  // namespace weft
