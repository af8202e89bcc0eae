// A fiber that waits for an event again and again, and another that sets it each time: two switches and
// what the wait itself costs.
#pragma once

#include <cstdint>

#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

#include "harness.hpp"

namespace bench {

/// wait(event): false ends the row without a figure.
template <class Wait>
sample woken(std::uint64_t operations, Wait wait) {
  return weft::run(
      [operations, wait] {
        weft::event ready;
        bool stop = false;
        auto waker = weft::spawn([&] {
          while (!stop) {
            ready.set();
            weft::this_fiber::yield();
          }
        });
        const stopwatch watch;
        std::uint64_t done = 0;
        while (done < operations) {
          ready.reset();
          if (!wait(ready)) break;
          ++done;
        }
        const sample taken = watch.stop(operations);
        stop = true;
        waker.join();
        return done == operations ? taken : sample{};
      },
      {.workers = 1});
}

}  // namespace bench
