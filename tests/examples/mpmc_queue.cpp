// A pool of buffers that any thread takes from and gives back to, without a lock and without waiting.
//
//   mpmc_queue
#include <weft/weft.hpp>

#include <array>
#include <atomic>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

using buffer = std::array<char, 4096>;

int main() {
  weft::mpmc_queue<std::unique_ptr<buffer>> pool{8};
  std::atomic<int> made{0}, used{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) {
          std::unique_ptr<buffer> mine;
          if (auto kept = pool.try_pop()) mine = std::move(*kept);
          else mine = std::make_unique<buffer>(), ++made;
          mine->fill('x');
          ++used;
          (void)pool.try_push(std::move(mine));  // if the pool is full, it goes
        }
      });
  }
  std::printf("%d uses, %s\n", used.load(), made < used ? "fewer buffers" : "as many buffers");
}
