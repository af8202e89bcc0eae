// A runtime that a program keeps beside its own threads: work goes in from outside, and results come out.
//
//   runtime
#include <weft/weft.hpp>

#include <cstdio>
#include <thread>

using namespace std::chrono_literals;

int main() {
  auto made = weft::runtime::open({.workers = 2});
  if (!made) return weft::exit_status(made, "weft");
  weft::runtime& rt = **made;

  std::jthread other{[&rt] {
    auto t = rt.spawn([] { return 1 + 1; });
    std::printf("from a thread: %d\n", t.join());  // blocks this thread only
  }};
  other.join();

  rt.go([] { (void)weft::this_fiber::sleep_for(1h); });  // will be told to stop
  const int sum = rt.block_on([] {
    auto a = weft::spawn([] { return 20; }), b = weft::spawn([] { return 22; });
    return a.join() + b.join();
  });
  std::printf("from main: %d\n", sum);
  return weft::exit_status(rt.stop(5s), "stop");
}
