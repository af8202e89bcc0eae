// Ten requests at a time, then two per millisecond; and who cannot wait so long is told so.
//
//   token_bucket
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

static weft::result<void> app() {
  weft::token_bucket requests{{.count = 2, .per = 1ms}, /*burst=*/10};
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) WEFT_TRY(requests.acquire());
  const auto took = std::chrono::steady_clock::now() - begin;
  std::printf("50 requests took %s 20 ms\n", took >= 20ms ? "at least" : "less than");

  weft::token_bucket reports{{.count = 1, .per = 1h}, /*burst=*/10};
  std::printf("ten at once: %s\n", reports.try_acquire(10) ? "yes" : "no");
  std::printf("one more at once: %s\n", reports.try_acquire() ? "yes" : "no");
  const weft::result<void> in_time = reports.acquire(1, 1ms);
  std::printf("one more within 1 ms: %s\n", in_time ? "yes" : in_time.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "token_bucket"); }
