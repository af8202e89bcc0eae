// A million fibers: each spawns ten more, down to a million leaves, and the numbers of the leaves are added
// up on the way back. Source: github.com/atemerev/skynet.
//
//   skynet
#include <weft/weft.hpp>

#include <array>
#include <cstdint>
#include <cstdio>

#include <build_kind.hpp>

std::uint64_t skynet(std::uint64_t first, std::uint64_t leaves) {
  if (leaves == 1) return first;
  std::array<weft::task<std::uint64_t>, 10> children;
  const std::uint64_t share = leaves / 10;
  for (std::uint64_t i = 0; i < 10; ++i)
    children[i] = weft::spawn([=] { return skynet(first + i * share, share); });
  std::uint64_t sum = 0;
  for (auto& child : children) sum += child.join();
  return sum;
}

int main() {
  const auto leaves = static_cast<std::uint64_t>(weft_test::scaled(1'000'000));
  const std::uint64_t sum = weft::run([=] { return skynet(0, leaves); });
  const bool right = sum == leaves * (leaves - 1) / 2;
  std::printf("%llu leaves: %s\n", static_cast<unsigned long long>(leaves), right ? "right" : "wrong");
  return right ? 0 : 1;
}
