// mpmc_queue: every value comes out once, and those of one producer in order, at every interleaving.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/mpmc_queue.hpp>

namespace weft {
namespace {

constexpr std::uint64_t seeds = 10'000;

TEST(MpmcQueue, has_room_for_the_next_power_of_two) {
  EXPECT_EQ(mpmc_queue<int>{1}.capacity(), 2u);
  EXPECT_EQ(mpmc_queue<int>{2}.capacity(), 2u);
  EXPECT_EQ(mpmc_queue<int>{5}.capacity(), 8u);
}

TEST(MpmcQueue, first_in_first_out_until_full_and_empty) {
  mpmc_queue<int> q{4};
  for (int round = 0; round < 10; ++round) {
    EXPECT_EQ(q.try_pop(), std::nullopt);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(q.try_push(i));
    EXPECT_FALSE(q.try_push(4));
    EXPECT_EQ(q.size(), 4u);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(q.try_pop(), i);
    EXPECT_EQ(q.size(), 0u);
  }
}

TEST(MpmcQueue, a_value_that_finds_no_room_is_as_it_was) {
  mpmc_queue<std::unique_ptr<int>> q{2};
  EXPECT_TRUE(q.try_push(std::make_unique<int>(1)));
  EXPECT_TRUE(q.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(q.try_push(std::move(third)));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(**q.try_pop(), 1);
  EXPECT_TRUE(q.try_push(std::move(third)));
  EXPECT_EQ(third, nullptr);
}

TEST(MpmcQueue, destroys_what_is_left_and_nothing_else) {
  const auto counted = std::make_shared<int>();
  {
    mpmc_queue<std::shared_ptr<int>> q{4};
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(q.try_push(counted));
    (void)q.try_pop();
    EXPECT_EQ(counted.use_count(), 3);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(MpmcQueueDeathTest, must_have_room) { EXPECT_DEATH(mpmc_queue<int>{0}, "without room"); }

// Two producers and two consumers over two or four cells. A value is moved with others let in between.
struct slow_value {
  explicit slow_value(sim& w, int n) : world{&w}, number{n} {}
  slow_value(slow_value&& from) noexcept : world{from.world} {
    world->interleave();
    number = std::exchange(from.number, -1);
  }
  sim* world;
  int number = -2;
};

void pass_values(sim& world) {
  constexpr int each = 4;
  mpmc_queue<slow_value> q{2 + world.random(2)};
  std::array<bool, 2 * each> taken{};
  int left = 2 * each;
  for (int p = 0; p < 2; ++p)
    world.thread(
        [&, p] {
          for (int i = 0; i < each; ++i) {
            slow_value v{world, p * each + i};
            while (!q.try_push(std::move(v))) detail::spin_pause();
          }
        },
        "producer");
  for (int c = 0; c < 2; ++c)
    world.thread(
        [&] {
          std::array<int, 2> last{-1, -1};
          while (left > 0) {
            const std::optional<slow_value> got = q.try_pop();
            if (!got) {
              detail::spin_pause();
              continue;
            }
            const int n = got->number;
            world.check(n >= 0 && n < 2 * each, "what was never pushed");
            world.check(!std::exchange(taken[static_cast<std::size_t>(n)], true), "came out twice");
            int& before = last[static_cast<std::size_t>(n / each)];
            world.check(n > std::exchange(before, n), "overtaken by a later one of its producer");
            --left;
          }
        },
        "consumer");
  world.run();
  world.check(q.size() == 0, "something is left");
}

TEST(MpmcQueue, every_value_comes_out_once_and_in_order) { explore(seeds, pass_values); }

TEST(MpmcQueue, every_operation_is_needed) {
  using enum mutation::change;
  expect_mutations_found(
      "runtime/mpmc_queue.hpp", seeds, pass_values,
      {{"std::size_t position =", drop, "a first guess: the compare-exchange corrects it"},
       {"const auto n =", drop, "of a queue that is empty: an older tail looks empty too"}});
}

}  // namespace
}  // namespace weft
