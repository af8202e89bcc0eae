// latch on real threads: what the simulator cannot judge, the memory orders, under ThreadSanitizer.
#include <array>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/latch.hpp>
#include <weft/runtime/runtime.hpp>

namespace weft {
namespace {

TEST(LatchStress, shows_what_was_done_before_and_dies) {
  constexpr unsigned pieces = 8;
  const int rounds = weft_test::scaled(1000);
  runtime rt{{.workers = 4}};
  rt.block_on([&] {
    for (int i = 0; i < rounds; ++i) {
      std::array<int, pieces> done{};
      std::optional<latch> all;
      all.emplace(pieces);
      for (unsigned k = 0; k < pieces; ++k)
        spawn(
            [&, k] {
              done[k] = i;
              all->count_down();
            },
            {.worker = k % 4})
            .detach();
      all->wait();
      all.reset();
      for (const int d : done) ASSERT_EQ(d, i);
    }
  });
}

TEST(LatchStress, lets_fibers_and_threads_begin_together) {
  const int rounds = weft_test::scaled(300);
  runtime rt{{.workers = 4}};
  for (int i = 0; i < rounds; ++i) {
    latch start{6};
    std::array<int, 6> ready{};
    const auto body = [&](unsigned who) {
      ready[who] = 1;
      start.arrive_and_wait();
      for (const int r : ready) ASSERT_EQ(r, 1);
    };
    std::jthread first{[&] { body(0); }}, second{[&] { body(1); }};
    rt.block_on([&] {
      std::array<task<void>, 4> all;
      for (unsigned k = 0; k < all.size(); ++k) all[k] = spawn([&, k] { body(k + 2); });
      for (task<void>& t : all) t.join();
    });
  }
}

}  // namespace
}  // namespace weft
