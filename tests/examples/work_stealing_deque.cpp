// One thread makes work and does the newest first; another that has none steals the oldest.
//
//   work_stealing_deque
#include <weft/weft.hpp>

#include <atomic>
#include <cstdio>
#include <thread>

int main() {
  constexpr int items = 100'000;
  weft::work_stealing_deque<int> work{256};
  std::atomic<bool> made_all{false};
  long stolen = 0, own = 0;
  std::thread thief{[&] {
    for (;;) {
      const bool last = made_all;
      if (const auto item = work.steal()) stolen += *item;
      else if (last) return;
      else std::this_thread::yield();
    }
  }};
  for (int i = 1; i <= items; ++i)
    while (!work.push(i))
      if (const auto item = work.pop()) own += *item;
  while (const auto item = work.pop()) own += *item;
  made_all = true;
  thief.join();
  std::printf("all of it was done, once: %ld\n", own + stolen);
}
