// A program for debuggers: fibers that wait in static functions, one that runs, one that was woken and
// has not run since, and one that has not started.
//
//   parked_fibers      ends by abort()
#include <cstdlib>
#include <string_view>

#include <weft/runtime/event.hpp>
#include <weft/runtime/latch.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace {

weft::event never;
weft::event comes;
weft::latch arrived{4};

WEFT_NOINLINE void innermost(int depth) {
  arrived.count_down();
  (void)never.wait();
  asm volatile("" : : "r"(depth) : "memory");  // no tail call
}

WEFT_NOINLINE void between(int depth) {
  if (depth > 0) between(depth - 1);
  else innermost(depth);
  asm volatile("" : : "r"(depth) : "memory");
}

WEFT_NOINLINE void aborts() {
  std::abort();
  asm volatile("" : : : "memory");
}

}  // namespace

int main() {
  weft::options o;
  o.workers = 1;
  weft::run(
      [] {
        for (const int depth : {0, 2}) weft::go([depth] { between(depth); }, {.name = "waits"});
        weft::go(
            [] {
              arrived.count_down();
              (void)weft::this_fiber::sleep_for(std::chrono::hours{1});
            },
            {.name = "sleeps"});
        weft::go(
            [] {
              arrived.count_down();
              (void)comes.wait();
            },
            {.name = "woken"});
        arrived.wait();
        comes.set();
        weft::go([] {}, {.name = "not yet"});
        aborts();
      },
      o);
}
