// spsc_ring: what one side commits is what the other side sees, in order and whole, at every interleaving.
#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <utility>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/spsc_ring.hpp>

namespace weft {
namespace {

constexpr std::uint64_t seeds = 10'000;

TEST(SpscRing, has_room_for_the_next_power_of_two) {
  EXPECT_EQ(spsc_ring<int>{1}.capacity(), 1u);
  EXPECT_EQ(spsc_ring<int>{2}.capacity(), 2u);
  EXPECT_EQ(spsc_ring<int>{3}.capacity(), 4u);
  EXPECT_EQ(spsc_ring<int>{4096}.capacity(), 4096u);
}

TEST(SpscRing, tells_full_from_empty) {
  spsc_ring<int> ring{4};
  EXPECT_TRUE(ring.readable().empty());
  EXPECT_EQ(ring.writable().size(), 4u);
  ring.commit_write(4);
  EXPECT_TRUE(ring.writable().empty());
  EXPECT_EQ(ring.readable().size(), 4u);
  EXPECT_EQ(ring.size(), 4u);
  ring.commit_read(4);
  EXPECT_TRUE(ring.readable().empty());
  EXPECT_EQ(ring.writable().size(), 4u);
  EXPECT_EQ(ring.size(), 0u);
}

TEST(SpscRing, gives_what_wraps_around_in_two_pieces) {
  spsc_ring<int> ring{4};
  (void)ring.writable();
  ring.commit_write(3);
  (void)ring.readable();
  ring.commit_read(3);
  const std::span<int> last = ring.writable(2);
  ASSERT_EQ(last.size(), 1u);
  ring.commit_write(1);
  const std::span<int> first = ring.writable(3);
  ASSERT_EQ(first.size(), 3u);
  EXPECT_EQ(first.data() + 3, last.data());
  ring.commit_write(2);
  EXPECT_EQ(ring.readable(3).size(), 1u);
  ring.commit_read(1);
  EXPECT_EQ(ring.readable().size(), 2u);
}

TEST(SpscRing, looks_for_more_only_when_there_is_not_enough) {
  spsc_ring<int> ring{8};
  (void)ring.writable();
  ring.commit_write(2);
  EXPECT_EQ(ring.readable().size(), 2u);
  ring.commit_write(2);
  EXPECT_EQ(ring.readable().size(), 2u) << "two were known";
  EXPECT_EQ(ring.readable(3).size(), 4u);
}

TEST(SpscRing, elements_may_be_of_any_type_that_can_be_made) {
  spsc_ring<std::unique_ptr<int>> ring{2};
  ring.writable()[0] = std::make_unique<int>(7);
  ring.commit_write(1);
  const std::unique_ptr<int> got = std::move(ring.readable()[0]);
  ring.commit_read(1);
  EXPECT_EQ(*got, 7);
}

TEST(SpscRingDeathTest, more_than_was_given_is_an_assertion) {
  spsc_ring<int> ring{4};
  EXPECT_DEATH(ring.commit_write(5), "more was committed");
  EXPECT_DEATH(ring.commit_read(1), "more was taken");
  EXPECT_DEATH(spsc_ring<int>{0}, "without room");
}

// Numbers in spans of random length; both sides let the other run while they work in theirs.
void pass_numbers(sim& world) {
  constexpr int count = 12;
  spsc_ring<int> ring{std::size_t{1} << world.random(3)};
  world.thread(
      [&] {
        for (int next = 0; next < count;) {
          const std::span<int> room = ring.writable(1 + world.random(2));
          const auto left = static_cast<std::size_t>(count - next);
          const std::size_t n = std::min(left, world.random(room.size() + 1));
          for (int& e : room.first(n)) {
            e = -1;
            world.interleave();
            e = next++;
          }
          ring.commit_write(n);
          world.check(ring.size() <= ring.capacity(), "more in it than it holds");
          if (n == 0) detail::spin_pause();
        }
      },
      "producer");
  world.thread(
      [&] {
        for (int next = 0; next < count;) {
          const std::span<int> data = ring.readable(1 + world.random(2));
          const std::size_t n = world.random(data.size() + 1);
          for (int& e : data.first(n)) {
            world.check(e == next, "another number, or out of order");
            world.interleave();
            world.check(e == next++, "written while it was read");
          }
          ring.commit_read(n);
          if (n == 0) detail::spin_pause();
        }
      },
      "consumer");
  world.run();
  world.check(ring.size() == 0 && ring.readable().empty(), "something is left");
}

TEST(SpscRing, passes_everything_on_in_order) { explore(seeds, pass_numbers); }

TEST(SpscRing, every_operation_is_needed) {
  expect_mutations_found("runtime/spsc_ring.hpp", seeds, pass_numbers);
}

}  // namespace
}  // namespace weft
