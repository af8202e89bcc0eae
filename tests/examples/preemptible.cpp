// Two computations that never yield, on one worker, and a clock that still ticks beside them: regions that
// may be interrupted anywhere.
//
//   preemptible
#include <weft/weft.hpp>

#include <atomic>
#include <cstdint>
#include <cstdio>

using namespace std::chrono_literals;

// How many steps the Collatz sequence of n takes to 1: only computation, so it may run in a region.
unsigned steps(std::uint64_t n) {
  unsigned count = 0;
  for (; n != 1; ++count) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return count;
}

struct longest {
  std::uint64_t start = 0;
  unsigned count = 0;
};

longest search(std::uint64_t from, std::uint64_t to) {
  longest best;
  for (std::uint64_t n = from; n < to; ++n)
    if (const unsigned count = steps(n); count > best.count) best = {n, count};
  return best;
}

int main() {
  weft::options o;
  o.workers = 1;
  weft::run(
      [] {
        std::atomic<bool> done{false};
        auto clock = weft::spawn([&] {
          while (!done.load()) weft::this_fiber::sleep_for(1ms);
        });
        auto low = weft::spawn([] { return weft::preemptible([] { return search(1, 200'000); }); });
        auto high = weft::spawn([] { return weft::preemptible([] { return search(200'000, 400'000); }); });
        const longest a = low.join(), b = high.join();
        done.store(true);
        clock.join();
        for (const longest& best : {a, b})
          std::printf("%llu takes %u steps\n", static_cast<unsigned long long>(best.start), best.count);

        // The two words belong together: nobody else runs between their changes.
        std::uint64_t sum = 0, count = 0;
        weft::preemptible([&] {
          for (std::uint64_t i = 1; i <= 1000; ++i) {
            const weft::preempt_guard both;
            sum += i;
            ++count;
          }
        });
        std::printf("the mean is %.1f\n", static_cast<double>(sum) / static_cast<double>(count));
      },
      o);
}
