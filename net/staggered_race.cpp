#include <weft/net/staggered_race.hpp>

namespace weft::detail {

std::vector<net::address> in_turns(std::span<const net::address> addresses) {
  std::vector<net::address> sorted{addresses.begin(), addresses.end()};
  if (sorted.empty()) return sorted;
  const auto others =
      std::stable_partition(sorted.begin(), sorted.end(),
                            [v6 = sorted.front().is_v6()](const net::address& a) { return a.is_v6() == v6; });
  std::vector<net::address> out;
  out.reserve(sorted.size());
  for (auto a = sorted.begin(), b = others; a != others || b != sorted.end();) {
    if (a != others) out.push_back(*a++);
    if (b != sorted.end()) out.push_back(*b++);
  }
  return out;
}

}  // namespace weft::detail
