#include <weft/net/staggered_race.hpp>

namespace weft::detail {

std::vector<net::address> in_turns(std::span<const net::address> addresses) {
  std::vector<net::address> out;
  out.reserve(addresses.size());
  const auto end = addresses.end();
  const auto next = [end](auto from, bool v6) {
    return std::find_if(from, end, [v6](const net::address& a) { return a.is_v6() == v6; });
  };
  const bool first = !addresses.empty() && addresses.front().is_v6();
  for (auto a = next(addresses.begin(), first), b = next(addresses.begin(), !first); a != end || b != end;) {
    if (a != end) {
      out.push_back(*a);
      a = next(a + 1, first);
    }
    if (b != end) {
      out.push_back(*b);
      b = next(b + 1, !first);
    }
  }
  return out;
}

}  // namespace weft::detail
