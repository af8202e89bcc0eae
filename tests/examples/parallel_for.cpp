// Counts primes on all cores; and a search that ends everywhere as soon as one has failed.
//
//   parallel_for
#include <weft/weft.hpp>

#include <atomic>
#include <cstdio>
#include <ranges>

bool is_prime(int n) {
  for (int d = 2; d * d <= n; ++d)
    if (n % d == 0) return false;
  return n > 1;
}

weft::result<void> app() {
  std::atomic<int> primes{0};
  WEFT_TRY(weft::parallel_for(std::views::iota(0, 100'000), [&](int n) {
    if (is_prime(n)) primes.fetch_add(1, std::memory_order_relaxed);
  }));
  std::printf("%d primes below 100000\n", primes.load());

  const auto checked = weft::parallel_for(std::views::iota(0, 100'000), [](int n) -> weft::result<void> {
    if (n == 4711) return std::unexpected(std::make_error_code(std::errc::illegal_byte_sequence));
    return {};
  });
  std::printf("not all were checked: %s\n", checked ? "?" : checked.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "parallel_for"); }
