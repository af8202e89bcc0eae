// Twenty downloads, at most three at a time: a permit each, which the next one in line gets when it is given
// back.
//
//   semaphore
#include <weft/weft.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <vector>

using namespace std::chrono_literals;

weft::result<void> app() {
  weft::counting_semaphore<3> turns{3};
  std::atomic<int> running{0}, most{0}, done{0};
  std::vector<weft::task<void>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(weft::spawn([&] {
      turns.acquire();
      const int now = ++running;
      for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
      weft::this_fiber::sleep_for(1ms);  // downloads
      --running;
      ++done;
      turns.release();
    }));
  for (auto& t : all) t.join();
  std::printf("%d downloads, never more than %d at once\n", done.load(), most.load());

  for (int i = 0; i < 3; ++i) turns.acquire();
  if (const auto turn = turns.acquire(5ms); !turn)
    std::printf("no turn: %s\n", turn.error().message().c_str());
  turns.release(3);
  return {};
}

int main() { return weft::exit_status(weft::run(app), "semaphore"); }
