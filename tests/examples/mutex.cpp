// Fibers on all workers and a plain thread add to one sum, each holding the mutex across a suspension.
//
//   mutex
#include <weft/weft.hpp>

#include <cstdio>
#include <mutex>
#include <thread>

using namespace std::chrono_literals;

weft::result<void> app() {
  weft::mutex lock;
  int sum = 0;
  const auto add = [&](int n) {
    const std::lock_guard hold{lock};
    const int before = sum;
    weft::this_fiber::yield();  // nobody comes between
    sum = before + n;
  };

  std::vector<weft::task<void>> all;
  for (int i = 1; i <= 100; ++i) all.push_back(weft::spawn([&add, i] { add(i); }));
  std::jthread thread{[&add] { add(1000); }};
  for (auto& t : all) t.join();
  thread.join();
  std::printf("%d\n", sum);

  const std::lock_guard hold{lock};
  auto impatient = weft::spawn([&lock] { return lock.lock(5ms); });
  if (const auto gave_up = impatient.join(); !gave_up)
    std::printf("gave up: %s\n", gave_up.error().message().c_str());
  return {};
}

int main() { return weft::exit_status(weft::run(app), "mutex"); }
