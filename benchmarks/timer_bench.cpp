// Timers: the wheel by itself, which takes absolute points and reads no clock, and sleep_for as a user
// calls it, which does: what it costs, a million sleepers at a time, and how late sleepers wake.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/timer_wheel.hpp>

#include "harness.hpp"
#include "woken.hpp"

namespace {

constexpr std::int64_t hour_ns = 3'600'000'000'000;
constexpr std::size_t million = 1'000'000;

// The points come from a table, so that neither a clock nor the random numbers are measured.
bench::sample insert_cancel(std::uint64_t operations) {
  const std::int64_t start = bench::clock_ns(CLOCK_MONOTONIC);
  bench::random_numbers random;
  std::vector<std::int64_t> points(1024);
  for (std::int64_t& p : points) p = start + static_cast<std::int64_t>(random.next() % (2 * hour_ns));
  weft::detail::timer_wheel wheel{start};
  weft::detail::timer timer;
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i) {
    wheel.insert(timer, points[i % points.size()]);
    wheel.cancel(timer);
  }
  return watch.stop(operations);
}

// A million timers within two hours.
struct many_timers {
  std::int64_t start = bench::clock_ns(CLOCK_MONOTONIC);
  weft::detail::timer_wheel wheel{start};
  std::unique_ptr<weft::detail::timer[]> timers = std::make_unique<weft::detail::timer[]>(million);
  std::vector<std::int64_t> points = std::vector<std::int64_t>(million);
  bench::random_numbers random;

  many_timers() {
    for (std::int64_t& p : points) p = start + static_cast<std::int64_t>(random.next() % (2 * hour_ns));
  }
  ~many_timers() {
    for (std::size_t i = 0; i < million; ++i) wheel.cancel(timers[i]);
  }
  void insert_all() {
    for (std::size_t i = 0; i < million; ++i) wheel.insert(timers[i], points[i]);
  }
};

bench::sample insert_1m(std::uint64_t) {
  many_timers all;
  const bench::stopwatch watch;
  all.insert_all();
  return watch.stop(million);
}

bench::sample cancel_1m_random(std::uint64_t) {
  many_timers all;
  all.insert_all();
  std::vector<weft::detail::timer*> order(million);
  for (std::size_t i = 0; i < million; ++i) order[i] = &all.timers[i];
  for (std::size_t i = million - 1; i > 0; --i) std::swap(order[i], order[all.random.next() % (i + 1)]);
  const bench::stopwatch watch;
  for (weft::detail::timer* t : order) all.wheel.cancel(*t);
  return watch.stop(million);
}

// A thousand fibers that sleep for 1 ms again and again. The worker does not spin, so what is measured is
// the work.
bench::sample sleep_for(std::uint64_t operations) {
  using namespace std::chrono_literals;
  constexpr std::uint64_t sleepers = 1000;
  return weft::run(
      [operations] {
        const std::uint64_t each = operations / sleepers + 1;
        std::vector<weft::task<void>> all;
        for (std::uint64_t i = 0; i < sleepers; ++i)
          all.push_back(weft::spawn([] { (void)weft::this_fiber::sleep_for(1ms); }));  // touches the stacks
        for (weft::task<void>& t : all) t.join();
        const bench::stopwatch watch;
        for (weft::task<void>& t : all)
          t = weft::spawn([each] {
            for (std::uint64_t i = 0; i < each; ++i) (void)weft::this_fiber::sleep_for(1ms);
          });
        for (weft::task<void>& t : all) t.join();
        return watch.stop(each * sleepers);
      },
      {.workers = 1, .spin = 0ns});
}

// A wait with a far deadline that another fiber ends at once: a timer goes in and out, and two switches.
bench::sample wait_and_wake(std::uint64_t operations) {
  const auto far = std::chrono::steady_clock::now() + std::chrono::hours{1};
  return bench::woken(operations, [far](weft::event& e) { return e.wait(far).has_value(); });
}

// A million fibers, each of which sleeps for up to two seconds; one operation is one of them, spawned, put to
// sleep, woken and joined.
void sleep_all(bench::random_numbers& random) {
  std::vector<weft::task<void>> all(million);
  for (weft::task<void>& t : all)
    t = weft::spawn([ns = static_cast<std::int64_t>(random.next() % 2'000'000'000)] {
      (void)weft::this_fiber::sleep_for(std::chrono::nanoseconds{ns});
    });
  for (weft::task<void>& t : all) t.join();
}

// Warm: on stacks that a million fibers before them have left, and the runtime keeps.
template <bool Warm>
bench::sample sleepers_1m(std::uint64_t) {
  return weft::run(
      [] {
        bench::random_numbers random;
        if (Warm) sleep_all(random);
        const bench::stopwatch watch;
        sleep_all(random);
        return watch.stop(million);
      },
      {.workers = 1, .stacks_warm = Warm ? million : weft::options{}.stacks_warm});
}

// A thousand fibers that sleep for 1 to 10 ms each time: how much later than it asked one runs again.
bench::sample lateness(std::uint64_t operations, std::vector<std::int64_t>& late) {
  return weft::run(
      [&] {
        constexpr std::uint64_t sleepers = 1000;
        bench::random_numbers random;
        std::vector<weft::task<void>> all(sleepers);
        const bench::stopwatch watch;
        for (weft::task<void>& t : all)
          t = weft::spawn([&] {
            for (std::uint64_t i = 0; i < operations / sleepers; ++i) {
              const auto due = std::chrono::steady_clock::now() +
                               std::chrono::nanoseconds{1'000'000 + random.next() % 9'000'000};
              (void)weft::this_fiber::sleep_until(due);
              late.push_back((std::chrono::steady_clock::now() - due).count());
            }
          });
        for (weft::task<void>& t : all) t.join();
        return watch.stop(operations);
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("timer/insert_cancel", insert_cancel),
    bench::time_row("timer/1m_insert", insert_1m, {.operations = million}),
    bench::time_row("timer/1m_cancel_random", cancel_1m_random, {.operations = million}),
    bench::time_row("timer/sleep_for", sleep_for),
    bench::time_row("timer/wait_and_wake", wait_and_wake),
    // Once, since they take seconds.
    bench::time_row("timer/1m_sleepers", sleepers_1m<false>, {.operations = million, .repetitions = 1}),
    bench::time_row("timer/1m_sleepers_warm", sleepers_1m<true>, {.operations = million, .repetitions = 1}),
    bench::latency_row("timer/lateness", lateness, {.operations = 20'000, .repetitions = 3}),
};

}  // namespace
