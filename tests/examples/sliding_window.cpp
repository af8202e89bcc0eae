// "No more than 5 requests in any 10 ms", says a service: twelve of them take two windows.
//
//   sliding_window
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

static weft::result<void> app() {
  weft::sliding_window allowed{{.count = 5, .per = 10ms}};
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 12; ++i) WEFT_TRY(allowed.acquire());
  const auto took = std::chrono::steady_clock::now() - begin;
  std::printf("12 requests took %s 20 ms\n", took >= 20ms ? "at least" : "less than");
  return {};
}

int main() { return weft::exit_status(weft::run(app), "sliding_window"); }
