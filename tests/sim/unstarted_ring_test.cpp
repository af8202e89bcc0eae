// The ring of unstarted fibers: an owner that pushes and pops, and thieves. Every fiber is taken exactly
// once, also where the ring is full and slots are used again while a thief still looks at them.
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/runtime/unstarted_ring.hpp>

namespace weft {
namespace {

using detail::fiber;
using detail::unstarted_ring;

constexpr std::uint64_t seeds = 10'000;
constexpr std::uint64_t any_order = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t fibers = unstarted_ring::capacity + 8;

// Blocks as the pool makes them: zeroes.
fiber& block(std::size_t i) {
  static auto* const all = static_cast<fiber*>(std::aligned_alloc(alignof(fiber), sizeof(fiber) * fibers));
  return all[i];
}

class shared_ring {
 public:
  explicit shared_ring(sim& world) : world_{world} {}

  // Before the world runs: the ring holds `count` fibers.
  void fill(std::size_t count) {
    while (pushed_ < count) push();
  }

  void push() {
    fiber& f = block(pushed_);
    f.order = pushed_++;  // a thief may have it before push() returns
    if (!ring_.push(f)) --pushed_;
  }

  void pop() {
    if (const fiber* const f = ring_.pop(any_order)) took(*f);
  }

  void steal() {
    fiber* out[4];
    const std::uint32_t n = ring_.steal(out, 2);
    for (std::uint32_t i = 0; i < n; ++i) {
      took(*out[i]);
      if (i > 0) world_.check(out[i] > out[i - 1], "stolen out of order");
    }
  }

  // Afterwards: what is left is what was not taken, and comes oldest first, no sooner than asked for.
  void expect_nothing_lost() {
    std::size_t oldest = 0;
    while (oldest < pushed_ && taken_[oldest]) ++oldest;
    for (; oldest < pushed_; ++oldest) {
      world_.check(oldest == 0 || ring_.pop(oldest - 1) == nullptr, "younger than asked for");
      const fiber* const f = ring_.pop(oldest);
      world_.check(f == &block(oldest), "lost");
      took(*f);
    }
    world_.check(ring_.size() == 0, "not empty");
  }

 private:
  void took(const fiber& f) {
    const auto index = static_cast<std::size_t>(&f - &block(0));
    world_.check(index < pushed_, "took what was never there");
    world_.check(!taken_[index], "taken twice");
    taken_[index] = true;
  }

  sim& world_;
  unstarted_ring ring_;
  std::size_t pushed_ = 0;
  bool taken_[fibers]{};
};

void share(sim& world, std::size_t filled) {
  auto ring = std::make_unique<shared_ring>(world);
  ring->fill(filled);
  for (int t = 0; t < 2; ++t)
    world.thread(
        [&] {
          for (int i = 0; i < 3; ++i) ring->steal();
        },
        "thief");
  world.thread(
      [&] {
        for (int i = 0; i < 6; ++i) {
          ring->push();
          if (i % 2 == 1) ring->pop();
        }
      },
      "owner");
  world.run();
  ring->expect_nothing_lost();
}

TEST(UnstartedRing, every_fiber_is_taken_once) {
  explore(seeds, [](sim& world) { share(world, 0); });
}

TEST(UnstartedRing, slots_are_used_again_only_when_no_thief_can_take_them) {
  explore(seeds / 5, [](sim& world) { share(world, unstarted_ring::capacity - 2); });
}

TEST(UnstartedRing, every_operation_is_needed) {
  using enum mutation::change;
  expect_mutations_found("unstarted_ring.hpp", seeds, [](sim& world) { share(world, world.random(3)); },
                         {{"head_.load(std::memory_order_acquire) == capacity", drop,
                           "an older head makes it look fuller, never emptier"},
                          {"head = head_.load", drop, "a first guess: the compare-exchange corrects it"},
                          {"there = tail_.load", drop, "an older tail hides the newest from a thief"}});
}

}  // namespace
}  // namespace weft
