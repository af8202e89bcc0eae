// A mutex that nobody else wants, a mutex that two fibers on two workers want all the time, and a semaphore
// each way between two workers.
#include <cstdint>

#include <weft/runtime/latch.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/semaphore.hpp>

#include "harness.hpp"

namespace {

// One operation is a lock and an unlock.
bench::sample uncontended(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::mutex lock;
        std::uint64_t counted = 0;
        const bench::stopwatch watch;
        while (counted < operations) {
          lock.lock();
          ++counted;
          lock.unlock();
        }
        return watch.stop(counted);
      },
      {.workers = 1});
}

// The same; half of them by each.
bench::sample contended_2(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::mutex lock;
        weft::latch both{2};
        std::uint64_t counted = 0;
        const auto count_half = [&] {
          both.arrive_and_wait();
          for (std::uint64_t i = 0; i < operations / 2; ++i) {
            lock.lock();
            ++counted;
            lock.unlock();
          }
        };
        const bench::stopwatch watch;
        auto first = weft::spawn(count_half, {.worker = 0});
        auto second = weft::spawn(count_half, {.worker = 1});
        first.join();
        second.join();
        return watch.stop(counted);
      },
      {.workers = 2});
}

// One operation is a permit there and one back.
bench::sample cross_thread(std::uint64_t operations) {
  return weft::run(
      [operations] {
        weft::binary_semaphore there{0}, back{0};
        auto answers = weft::spawn(
            [&] {
              for (std::uint64_t i = 0; i < operations; ++i) {
                there.acquire();
                back.release();
              }
            },
            {.worker = 1});
        auto asks = weft::spawn(
            [&] {
              const bench::stopwatch watch;
              for (std::uint64_t i = 0; i < operations; ++i) {
                there.release();
                back.acquire();
              }
              return watch.stop(operations);
            },
            {.worker = 0});
        const bench::sample taken = asks.join();
        answers.join();
        return taken;
      },
      {.workers = 2});
}

const int rows[] = {
    bench::time_row("mutex/uncontended", uncontended),
    bench::time_row("mutex/contended_2", contended_2),
    bench::time_row("semaphore/cross_thread", cross_thread),
};

}  // namespace
