// The calibrate row where there is no assembly of its own for the processor: a loop of dependent
// multiplications. It tells a fast minute of the machine from a slow one, but is no limit of anything.
#include <cstdint>

#include "harness.hpp"

namespace {

bench::sample calibrate(std::uint64_t operations) {
  std::uint64_t value = operations;
  const bench::stopwatch watch;
  for (std::uint64_t i = 0; i < operations; ++i) {
    value *= 6364136223846793005u;
    asm volatile("" : "+r"(value));
  }
  return watch.stop(operations);
}

const int row = bench::time_row("calibrate", calibrate);

}  // namespace
