// Spawn, run, join: one fiber at a time, and a thousand spawned before the first is joined.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <weft/runtime/runtime.hpp>

#include "harness.hpp"

namespace {

bench::sample single(std::uint64_t operations) {
  return weft::run(
      [operations] {
        std::uint64_t ran = 0;
        const bench::stopwatch watch;
        for (std::uint64_t i = 0; i < operations; ++i) weft::spawn([&ran] { ++ran; }).join();
        return watch.stop(ran);
      },
      {.workers = 1});
}

bench::sample batch_1000(std::uint64_t operations) {
  return weft::run(
      [operations] {
        constexpr std::size_t batch = 1000;
        std::vector<weft::task<void>> tasks(batch);
        std::uint64_t ran = 0;
        const bench::stopwatch watch;
        while (ran < operations) {
          for (weft::task<void>& t : tasks) t = weft::spawn([&ran] { ++ran; });
          for (weft::task<void>& t : tasks) t.join();
        }
        return watch.stop(ran);
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("spawn_join/single", single),
    bench::time_row("spawn_join/batch_1000", batch_1000),
};

}  // namespace
