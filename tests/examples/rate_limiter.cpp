// A rate limiter: steady requests first, then bursts of three; and a client that is turned away tries again
// after growing waits.
//
//   rate_limiter
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;
using std::chrono::steady_clock;

static weft::result<void> app() {
  constexpr auto interval = 2ms;
  weft::leaky_bucket steady{{.count = 1, .per = interval}, /*waiting_max=*/100};
  weft::wait_group all;
  auto begin = steady_clock::now();
  for (int i = 0; i < 5; ++i) {
    all.add(1);
    weft::go([&]() -> weft::result<void> {
      WEFT_TRY(steady.acquire());
      all.done();
      return {};
    });
  }
  WEFT_TRY(all.wait());
  std::printf("5 steady requests: %s\n",
              steady_clock::now() - begin >= 4 * interval ? "spread out" : "too fast");

  weft::token_bucket bursty{{.count = 1, .per = interval}, /*burst=*/3};
  begin = steady_clock::now();
  for (int i = 0; i < 5; ++i) WEFT_TRY(bursty.acquire());
  std::printf("5 bursty requests: %s\n",
              steady_clock::now() - begin >= 2 * interval ? "3 at once, 2 waited" : "too fast");

  int asked = 0;
  const auto ask = [&]() -> weft::result<void> {
    ++asked;
    if (bursty.try_acquire(3)) return {};
    return std::unexpected(weft::errc::limit);
  };
  WEFT_TRY(weft::retry({.attempts_max = 50, .delay = 1ms}, ask));
  std::printf("3 more at once: %s\n", asked > 1 ? "at last" : "too early");
  return {};
}

int main() { return weft::exit_status(weft::run(app), "rate_limiter"); }
