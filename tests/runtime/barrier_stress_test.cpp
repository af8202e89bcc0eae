// barrier on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer.
#include <array>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/barrier.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

// Each writes its own cell in plain memory and reads all others' in the next phase; the completion reads them
// all. Some give up waiting, and wait again.
TEST(BarrierStress, shows_the_phase_before_to_all) {
  constexpr unsigned fibers = 6, threads = 2, all = fibers + threads;
  const int phases = weft_test::scaled(5000);
  std::array<int, all> cells{};
  int completed = 0;
  barrier meet{all, [&]() noexcept {
                 for (const int c : cells) ASSERT_EQ(c, completed + 1);
                 ++completed;
               }};
  barrier<> clear{all};
  const auto body = [&](unsigned who) {
    for (int phase = 1; phase <= phases; ++phase) {
      cells[who] = phase;
      auto token = meet.arrive();
      using namespace std::chrono_literals;
      if (who % 2 == 0 || !meet.wait(token, 5us)) meet.wait(std::move(token));
      ASSERT_EQ(completed, phase);
      for (const int c : cells) ASSERT_EQ(c, phase);
      clear.arrive_and_wait();
    }
  };
  runtime rt{{.workers = 4}};
  std::jthread first{[&] { body(0); }}, second{[&] { body(1); }};
  rt.block_on([&] {
    std::vector<task<void>> tasks;
    for (unsigned k = 0; k < fibers; ++k) tasks.push_back(spawn([&, k] { body(threads + k); }));
    for (task<void>& t : tasks) t.join();
  });
  EXPECT_EQ(completed, phases);
}

}  // namespace
}  // namespace weft
