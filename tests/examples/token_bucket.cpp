// Ten requests at a time, then two per millisecond; and who will not wait is told so at once.
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

  std::printf("one more at once: %s\n", requests.try_acquire(10) ? "yes" : "no");
  std::printf("ten more within 1 ms: %s\n", requests.acquire(10, 1ms).error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "token_bucket"); }
