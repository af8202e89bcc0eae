// Counts the primes below a million in ten fibers, and waits for all of them.
//
//   wait_group
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

bool is_prime(int n) {
  for (int d = 2; d * d <= n; ++d)
    if (n % d == 0) return false;
  return n > 1;
}

weft::result<void> app() {
  constexpr int share = 100'000;
  std::array<int, 10> found{};
  weft::wait_group work;
  work.add(found.size());
  for (int part = 0; part < static_cast<int>(found.size()); ++part)
    weft::go([&, part] {
      for (int n = part * share; n < (part + 1) * share; ++n)
        found[static_cast<std::size_t>(part)] += is_prime(n);
      work.done();
    });
  WEFT_TRY(work.wait());

  int sum = 0;
  for (const int n : found) sum += n;
  std::printf("%d primes\n", sum);
  return {};
}

int main() { return weft::exit_status(weft::run(app), "wait_group"); }
