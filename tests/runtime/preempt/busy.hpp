// Fibers that keep their worker: what a monitor is for.
#pragma once

#include <cstdint>
#include <ctime>

namespace weft_test {

/// The processor time of the calling thread, in seconds.
inline double cpu_seconds() noexcept {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// A round of computation that the compiler cannot remove, in the caller's own text: about 100 us.
inline std::uint64_t compute(std::uint64_t seed) noexcept {
  for (int i = 0; i < 20'000; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(seed));
  }
  return seed;
}

}  // namespace weft_test
