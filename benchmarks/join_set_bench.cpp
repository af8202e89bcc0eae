// Children whose results are taken one by one, in the order of ending: a thousand at a time. And skynet: a
// tree of tasks with a million leaves, whose numbers are added up on the way back. One operation is one
// child; of skynet one leaf.
#include <array>
#include <cstdint>

#include <weft/runtime/join_set.hpp>
#include <weft/runtime/runtime.hpp>

#include "harness.hpp"

namespace {

bench::sample join_set_1000(std::uint64_t operations) {
  return weft::run(
      [operations] {
        constexpr std::uint64_t batch = 1000;
        std::uint64_t taken = 0, sum = 0;
        const bench::stopwatch watch;
        while (taken < operations) {
          weft::join_set<std::uint64_t> set;
          for (std::uint64_t i = 0; i < batch; ++i) set.spawn([i] { return i; });
          while (const auto r = set.join_next()) {
            sum += **r;
            ++taken;
          }
        }
        return watch.stop(sum == taken / batch * (batch * (batch - 1) / 2) ? taken : 0);
      },
      {.workers = 1});
}

constexpr std::uint64_t leaves = 1'000'000;

std::uint64_t skynet(std::uint64_t first, std::uint64_t count) {
  if (count == 1) return first;
  std::array<weft::task<std::uint64_t>, 10> children;
  const std::uint64_t share = count / 10;
  for (std::uint64_t i = 0; i < 10; ++i)
    children[i] = weft::spawn([=] { return skynet(first + i * share, share); });
  std::uint64_t sum = 0;
  for (auto& child : children) sum += child.join();
  return sum;
}

bench::sample skynet_million(std::uint64_t) {
  return weft::run(
      [] {
        const bench::stopwatch watch;
        const std::uint64_t sum = skynet(0, leaves);
        return watch.stop(sum == leaves * (leaves - 1) / 2 ? leaves : 0);
      },
      {.workers = 1});
}

const int rows[] = {
    bench::time_row("join_set/1000", join_set_1000),
    bench::time_row("skynet", skynet_million, {.operations = leaves, .repetitions = 3}),
};

}  // namespace
