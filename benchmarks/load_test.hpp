// So many fibers that do the same again and again, for so long.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <weft/runtime/runtime.hpp>

#include "harness.hpp"

namespace bench {

struct load_test {
  std::size_t concurrent_tasks = 1000;
  std::chrono::nanoseconds duration = std::chrono::milliseconds{200};

  struct outcome {
    sample took;               // operations: those that were completed
    std::uint64_t failed = 0;  // not in `took`

    double throughput() const noexcept {  // per second
      return static_cast<double>(took.operations) * 1e9 / static_cast<double>(took.wall_ns);
    }
  };

  /// Each task makes a worker of its own, `make()`, before the clock runs, and calls that: bool(), which says
  /// whether it did what it should. A task ends with its first failure, and what has begun is completed.
  ///
  /// Blocks     the calling fiber.
  template <class Make>
  outcome run(Make make) const {
    using work = decltype(make());
    std::vector<work> works;
    works.reserve(concurrent_tasks);
    for (std::size_t i = 0; i < concurrent_tasks; ++i) works.push_back(make());
    std::vector<std::uint64_t> completed(concurrent_tasks);
    std::vector<char> good(concurrent_tasks);
    std::vector<weft::task<void>> tasks(concurrent_tasks);
    const stopwatch watch;
    const auto end = std::chrono::steady_clock::now() + duration;
    for (std::size_t i = 0; i < concurrent_tasks; ++i)
      tasks[i] = weft::spawn([&, i] {
        std::uint64_t count = 0;
        while ((good[i] = works[i]()) && (++count, std::chrono::steady_clock::now() < end)) {}
        completed[i] = count;
      });
    for (weft::task<void>& t : tasks) t.join();
    outcome all;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < concurrent_tasks; ++i) {
      sum += completed[i];
      if (!good[i]) ++all.failed;
    }
    all.took = watch.stop(sum);
    return all;
  }
};

}  // namespace bench
