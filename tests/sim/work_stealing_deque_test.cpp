// work_stealing_deque: an owner that pushes and pops, and thieves. Every element is taken once, the owner
// gets the newest and the thieves the oldest, at every interleaving.
#include <array>
#include <cstdint>
#include <optional>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/work_stealing_deque.hpp>

namespace weft {
namespace {

constexpr std::uint64_t seeds = 10'000;

TEST(WorkStealingDeque, owner_takes_the_newest_and_thieves_the_oldest) {
  work_stealing_deque<int> d{4};
  EXPECT_EQ(d.pop(), std::nullopt);
  EXPECT_EQ(d.steal(), std::nullopt);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(d.push(i));
  EXPECT_EQ(d.size(), 4u);
  EXPECT_EQ(d.pop(), 3);
  EXPECT_EQ(d.steal(), 0);
  EXPECT_EQ(d.pop(), 2);
  EXPECT_EQ(d.steal(), 1);
  EXPECT_EQ(d.pop(), std::nullopt);
  EXPECT_EQ(d.steal(), std::nullopt);
  EXPECT_EQ(d.size(), 0u);
}

TEST(WorkStealingDeque, a_full_one_refuses) {
  work_stealing_deque<const char*> d{3};
  EXPECT_EQ(d.capacity(), 4u);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(d.push("work"));
    EXPECT_FALSE(d.push("more"));
    EXPECT_TRUE(d.steal());
    EXPECT_TRUE(d.push("more"));
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(d.pop());
  }
}

TEST(WorkStealingDequeDeathTest, must_have_room) {
  EXPECT_DEATH(work_stealing_deque<int>{0}, "without room");
}

class shared_deque {
 public:
  shared_deque(sim& world, std::size_t capacity) : world_{world}, deque_{capacity} {}

  void push() {
    if (deque_.push(pushed_)) ++pushed_;  // only the owner looks at pushed_ while others run
  }

  // Newer ones than what it gets are gone: it had them itself.
  void pop() {
    const std::optional<int> got = deque_.pop();
    if (!got) return;
    took(*got);
    for (int newer = *got + 1; newer < pushed_; ++newer)
      world_.check(taken_[static_cast<std::size_t>(newer)], "not the newest");
  }

  void steal(int& last) {
    const std::optional<int> got = deque_.steal();
    if (!got) return;
    took(*got);
    world_.check(*got > last, "stolen out of order");
    last = *got;
  }

  void expect_nothing_lost() {
    while (const std::optional<int> got = deque_.pop()) took(*got);
    for (int i = 0; i < pushed_; ++i) world_.check(taken_[static_cast<std::size_t>(i)], "lost");
    world_.check(deque_.size() == 0, "not empty");
  }

 private:
  void took(int value) {
    world_.check(value >= 0 && static_cast<std::size_t>(value) < taken_.size(), "what was never there");
    world_.check(!taken_[static_cast<std::size_t>(value)], "taken twice");
    taken_[static_cast<std::size_t>(value)] = true;
  }

  sim& world_;
  work_stealing_deque<int> deque_;
  int pushed_ = 0;
  std::array<bool, 16> taken_{};
};

// The deque is small, so that it gets full and empty, and its memory is used again.
void share(sim& world) {
  shared_deque d{world, std::size_t{1} << world.random(3)};
  for (int t = 0; t < 2; ++t)
    world.thread(
        [&] {
          int last = -1;
          for (int i = 0; i < 4; ++i) d.steal(last);
        },
        "thief");
  world.thread(
      [&] {
        for (int i = 0; i < 14; ++i) {
          if (world.random(5) < 3) d.push();
          else d.pop();
        }
      },
      "owner");
  world.run();
  d.expect_nothing_lost();
}

TEST(WorkStealingDeque, every_element_is_taken_once) { explore(seeds, share); }

TEST(WorkStealingDeque, every_operation_is_needed) {
  using enum mutation::change;
  expect_mutations_found(
      "runtime/work_stealing_deque.hpp", seeds, share,
      {{"bottom - top_.load", drop, "an older top makes it look fuller, never emptier"},
       {"top = top_.load(std::memory_order_acquire)", drop, "an older top: the compare-exchange fails"},
       {"const std::int64_t n =", drop, "of an empty deque, whose bottom came down to it"}});
}

}  // namespace
}  // namespace weft
