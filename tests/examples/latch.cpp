// A program that is ready when all its parts are: each counts the latch down, and who cares waits, for ever
// or for some time.
//
//   latch
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<void> app() {
  weft::latch parts{3}, last{1};
  for (const auto time : {1ms, 2ms, 3ms})
    weft::go([&parts, time] {
      weft::this_fiber::sleep_for(time);  // sets something up
      parts.count_down();
    });
  parts.wait();
  std::printf("3 are ready\n");

  if (const auto ready = last.wait(5ms); !ready)
    std::printf("the fourth is not: %s\n", ready.error().message().c_str());
  weft::go([&last] { last.count_down(); });
  last.wait();
  std::printf("now it is\n");
  return {};
}

int main() { return weft::exit_status(weft::run(app), "latch"); }
