// join_set, race(), when_all() and parallel_for() on real threads: what the simulator cannot judge, the
// memory orders, under ThreadSanitizer; and what goes to the error sink.
#include <atomic>
#include <chrono>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <build_kind.hpp>
#include <leak_check.hpp>
#include <reports.hpp>
#include <weft/runtime/event.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/parallel_for.hpp>
#include <weft/runtime/race.hpp>
#include <weft/runtime/runtime.hpp>
#include <weft/runtime/this_fiber.hpp>
#include <weft/runtime/when_all.hpp>
#include <with_workers.hpp>

namespace weft {
namespace {

using namespace std::chrono_literals;
using weft_test::reports;
using weft_test::with_workers;

class JoinSetStress : public weft_test::leak_check {
 protected:
  JoinSetStress() { reports::clear(); }
};

// Results come from four workers while the owner waits, gives up, and goes without the last.
TEST_F(JoinSetStress, results_come_once) {
  const int rounds = weft_test::scaled(2000);
  run(
      [&] {
        for (int round = 0; round < rounds; ++round) {
          join_set<std::unique_ptr<int>> set;
          for (unsigned k = 0; k < 16; ++k)
            set.spawn(
                [k] {
                  if (k % 5 == 0) this_fiber::yield();
                  return std::make_unique<int>(static_cast<int>(k));
                },
                {.worker = k % 4});
          unsigned seen = 0;
          const auto see = [&](const result<std::unique_ptr<int>>& r) {
            EXPECT_EQ(seen & 1u << **r, 0u);
            seen |= 1u << **r;
          };
          const auto left = static_cast<std::size_t>(round % 3);
          while (set.size() != left) {
            const auto soon = set.join_next(round % 2 == 0 ? deadline::past() : deadline{5us});
            if (soon) see(**soon);
            else see(*set.join_next());
          }
        }
      },
      with_workers(4));
}

TEST_F(JoinSetStress, a_thread_may_take_them) {
  const int rounds = weft_test::scaled(1000);
  runtime rt{with_workers(4)};
  for (int round = 0; round < rounds / 10; ++round)
    rt.block_on([&] {
      join_set<int> set;
      for (unsigned k = 0; k < 40; ++k)
        set.spawn(
            [k] {
              if (k % 4 == 0) this_fiber::sleep_for(10us);
              return 1;
            },
            {.worker = k % 4});
      event ended;
      int sum = 0;
      std::jthread thread{[&] {
        while (const auto r = set.join_next()) sum += r->value();
        ended.set();
      }};
      EXPECT_TRUE(ended.wait());
      EXPECT_EQ(sum, 40);
    });
}

TEST_F(JoinSetStress, races_and_when_all_see_what_was_done) {
  const int rounds = weft_test::scaled(1000);
  run(
      [&] {
        for (int round = 0; round < rounds; ++round) {
          int data[3]{};
          const result<int> first = race(
              [&] {
                (void)this_fiber::sleep_for(1us * (round % 7));
                return data[0] = round;
              },
              [&]() -> result<int> {
                data[1] = round;
                WEFT_TRY(this_fiber::sleep_for(3us));
                return round;
              },
              [&]() -> result<int> {
                data[2] = round;
                return std::unexpected(errc::limit);
              });
          EXPECT_EQ(first, round);
          auto one = spawn([&] { return data[0] = round + 1; }, {.worker = 2});
          auto two = spawn([&] { return data[1] = round + 2; }, {.worker = 3});
          const auto [a, b] = when_all(one, two);
          EXPECT_EQ(*a + *b, data[0] + data[1]);
          EXPECT_EQ(data[2] == round || data[2] == 0, true);
        }
      },
      with_workers(4));
}

TEST_F(JoinSetStress, parallel_for_does_each_once) {
  const int rounds = weft_test::scaled(300);
  run(
      [&] {
        for (int round = 0; round < rounds; ++round) {
          std::vector<int> calls(3000);
          const std::size_t chunk = static_cast<std::size_t>(round % 4);
          EXPECT_TRUE(parallel_for(calls, [](int& n) { ++n; }, chunk));
          EXPECT_EQ(calls, std::vector<int>(3000, 1));
        }
      },
      with_workers(4));
}

TEST_F(JoinSetStress, parallel_for_uses_every_worker) {
  run(
      [] {
        std::atomic<unsigned> busy{0};  // std::atomic: the test's own
        const auto begin = std::chrono::steady_clock::now();
        EXPECT_TRUE(parallel_for(
            std::views::iota(0, 4),
            [&](int) {
              ++busy;  // each worker holds one element until all have one
              while (busy.load() < 4 && std::chrono::steady_clock::now() - begin < 30s)
                std::this_thread::yield();
            },
            1));
        EXPECT_LT(std::chrono::steady_clock::now() - begin, 30s);
      },
      with_workers(4));
}

TEST_F(JoinSetStress, what_nobody_takes_goes_to_the_sink) {
  run(
      [] {
        {
          join_set<int> set;
          set.spawn([]() -> int { throw std::runtime_error{"nobody takes me"}; });
          set.spawn([]() -> result<int> { return std::unexpected(errc::limit); });
          set.spawn([]() -> result<int> { return std::unexpected(errc::canceled); });
          set.spawn([] { return 1; });
        }
        join_set<int> set;
        set.spawn([]() -> int { throw std::runtime_error{"the first"}; });
        set.spawn([]() -> int { throw std::runtime_error{"the second"}; });
        EXPECT_THROW((void)set.join_all(), std::runtime_error);
        EXPECT_EQ(race([] { return 1; }, []() -> int { throw std::runtime_error{"a loser"}; }), 1);
      },
      with_workers(1));
  const std::vector<std::string> all = reports::take();
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(reports::with(all, "nobody takes me"), 1u);
  EXPECT_EQ(reports::with(all, "the second"), 1u);
  EXPECT_EQ(reports::with(all, "a loser"), 0u);
}

}  // namespace
}  // namespace weft
