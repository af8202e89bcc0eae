// Four fibers turn a ring of numbers step by step: nobody begins a step before all have done the one before.
// The completion function runs in between, when nobody else does.
//
//   barrier
#include <weft/weft.hpp>

#include <array>
#include <cstdio>

constexpr std::size_t fibers = 4, share = 2, cells = fibers * share;
using ring = std::array<int, cells>;

void app() {
  ring now{0, 1, 2, 3, 4, 5, 6, 7}, next{};
  int step = 0;
  weft::barrier meet{fibers, [&]() noexcept {
                       now.swap(next);
                       std::printf("after step %d:", ++step);
                       for (const int value : now) std::printf(" %d", value);
                       std::printf("\n");
                     }};

  std::array<weft::task<void>, fibers> all;
  for (std::size_t part = 0; part < fibers; ++part)
    all[part] = weft::spawn([&, part] {
      for (int i = 0; i < 3; ++i) {
        for (std::size_t at = part * share; at < (part + 1) * share; ++at)
          next[(at + 1) % cells] = now[at];
        meet.arrive_and_wait();
      }
    });
  for (auto& t : all) t.join();
}

int main() { weft::run(app); }
