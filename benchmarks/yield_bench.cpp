// Yield: so many fibers on one worker, each giving way to the next in turn. One operation is one yield,
// through the whole scheduler: run queue, batches, and what a worker does between them.
//
// The fibers alternate between two functions; in the row *_one_function all run the same one.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>

#include "harness.hpp"

namespace {

struct shared {
  std::uint64_t yields = 0;
  bool stop = false;
};

template <int Which>
[[gnu::noinline]] void turn(shared& s) {
  while (!s.stop) {
    ++s.yields;
    weft::this_fiber::yield();
  }
}

// The measuring fiber is one of the Count.
template <int First, int Second, std::size_t Count>
bench::sample yield(std::uint64_t operations) {
  return weft::run(
      [operations] {
        shared s;
        std::vector<weft::task<void>> all;
        all.reserve(Count - 1);
        for (std::size_t i = 0; i + 1 < Count; ++i)
          all.push_back(i % 2 == 0 ? weft::spawn([&s] { turn<First>(s); })
                                   : weft::spawn([&s] { turn<Second>(s); }));
        while (s.yields < 2 * Count) {  // the first rounds touch fresh stacks
          ++s.yields;
          weft::this_fiber::yield();
        }
        s.yields = 0;
        const bench::stopwatch watch;
        while (s.yields < operations) {
          ++s.yields;
          weft::this_fiber::yield();
        }
        const bench::sample taken = watch.stop(s.yields);
        s.stop = true;
        for (weft::task<void>& t : all) t.join();
        return taken;
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("yield/2", yield<0, 1, 2>),
    bench::time_row("yield/2_one_function", yield<0, 0, 2>),
    bench::time_row("yield/1000", yield<0, 1, 1000>),
    bench::time_row("yield/1000_one_function", yield<0, 0, 1000>),
    bench::time_row("yield/100000", yield<0, 1, 100'000>),
    bench::time_row("yield/100000_one_function", yield<0, 0, 100'000>),
};

}  // namespace
