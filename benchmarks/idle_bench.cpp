// What a parked fiber takes: 200,000 fibers of the default class are started, each runs and parks, and then
// the growth of the process is divided by their number. Everything that weft keeps for them counts; guards
// are in place.
#include <cstddef>
#include <vector>

#include <weft/runtime/event.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/wait_group.hpp>

#include "harness.hpp"

namespace {

struct idle {
  double bytes, page_table_bytes;
};

idle measure() {
  constexpr std::size_t count = 200'000;
  return weft::run(
      [] {
        weft::event gate;
        weft::wait_group ended;
        std::size_t parked = 0;
        const bench::memory before = bench::memory_now();
        ended.add(count);
        for (std::size_t i = 0; i < count; ++i)
          weft::go([&] {
            ++parked;
            (void)gate.wait();
            ended.done();
          });
        while (parked < count) weft::this_fiber::yield();
        const bench::memory after = bench::memory_now();
        gate.set();
        (void)ended.wait();
        return idle{(after.resident - before.resident) / count,
                    (after.page_tables - before.page_tables) / count};
      },
      {.workers = 1});
}

const idle& idle_fiber() {
  static const idle measured = measure();
  return measured;
}

const int rows[] = {
    bench::memory_row("fiber/idle_bytes", [] { return idle_fiber().bytes; }),
    bench::memory_row("fiber/idle_page_table_bytes", [] { return idle_fiber().page_table_bytes; }),
};

}  // namespace
