// Workers that begin together: each waits for the start, and one gives up because its deadline comes first.
//
//   event
#include <weft/weft.hpp>

#include <cstdio>

using namespace std::chrono_literals;

weft::result<void> app() {
  weft::event start;
  std::vector<weft::task<int>> workers;
  for (int i = 1; i <= 3; ++i)
    workers.push_back(weft::spawn([&start, i] { return start.wait() ? i * i : 0; }));

  auto impatient = weft::spawn([&start] { return start.wait(5ms); });
  if (const auto gave_up = impatient.join(); !gave_up)
    std::printf("one gave up: %s\n", gave_up.error().message().c_str());

  start.set();
  for (auto& w : workers) std::printf("%d\n", w.join());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "event"); }
