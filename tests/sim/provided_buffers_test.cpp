// provided_buffers: every buffer is with one holder at a time, comes back from wherever it ends, and the last
// one that is out takes the memory with it, at every interleaving; lessee: its bounds, by the virtual clock.
#include <array>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>
#include <weft/io/leased_bytes.hpp>
#include <weft/pools/sanitizer.hpp>

// There is no runtime in these worlds, and nobody is a worker.
constinit thread_local weft::detail::thread_state weft::detail::this_thread;

namespace weft {
namespace {

using namespace std::chrono_literals;
using detail::provided_buffers;
using io::lessee;

constexpr std::uint64_t seeds = 10'000;
constexpr unsigned few = 3;
constexpr unsigned many = 8;

alignas(64) std::byte memory[many * provided_buffers::stride];

// Tells when its memory would be freed, and stays, so that who comes too late is seen.
class watched_buffers final : public provided_buffers {
 public:
  explicit watched_buffers(unsigned n = few) : provided_buffers{memory, n} {}
  ~watched_buffers() override { detail::unpoison(memory, sizeof memory); }

  int destroyed = 0;

 private:
  void destroy() noexcept override { ++destroyed; }
};

// One owner lends to two others, who give back as they please; then it retires, perhaps while some are out.
void wander(sim& world) {
  watched_buffers all;
  std::array<int, few> holders{};
  std::deque<std::byte*> on_their_way;
  bool over = false;
  std::size_t out = 0;
  const auto index = [](const std::byte* b) {
    return static_cast<std::size_t>(b - memory) / provided_buffers::stride;
  };
  const auto begins = [&](std::byte* b) {
    world.check(++holders[index(b)] == 1, "one buffer with two holders");
    world.check(all.destroyed == 0, "lent after its end");
    ++out;
  };
  const auto ends = [&](std::byte* b) {
    world.check(all.destroyed == 0, "freed under a holder");
    --holders[index(b)];
    --out;
  };
  world.thread(
      [&] {
        for (std::uint64_t rounds = 3 + world.random(4); rounds-- > 0;) {
          std::byte* const b = all.take();
          if (b == nullptr) {
            world.check(out + 2 >= few, "none is free though they have long come back");
            detail::spin_pause();
            continue;
          }
          begins(b);
          if (world.random(4) == 0) {
            ends(b);
            all.give(b);
          } else {
            on_their_way.push_back(b);
          }
        }
        if (world.random(2) == 0) {
          while (out != 0) detail::spin_pause();
          // Whoever has ended a lease has perhaps not given it back yet; but all come in the end.
          for (int tries = 0; all.free_count() != few; ++tries) {
            world.check(tries < 1000, "one has not come back");
            all.collect();
            detail::spin_pause();
          }
        }
        over = true;
        all.retire();
      },
      "owner");
  for (int i = 0; i < 2; ++i)
    world.thread(
        [&] {
          while (!over || !on_their_way.empty()) {
            if (on_their_way.empty()) {
              detail::spin_pause();
              continue;
            }
            std::byte* const b = on_their_way.front();
            on_their_way.pop_front();
            world.interleave();
            ends(b);
            all.give_from_elsewhere(b);
          }
        },
        "holder");
  world.run();
  world.check(all.destroyed == 1, "the memory was not freed once");
}

TEST(ProvidedBuffers, go_round_and_end_once) { explore(seeds, wander); }

TEST(ProvidedBuffers, every_operation_is_needed) {
  using enum mutation::change;
  expect_mutations_found(
      "io/provided_buffers.cpp", seeds, wander,
      {{"const std::uint32_t out = out_.load", drop, "for the statistics"},
       {"slot* head = returned_.load", drop, "a first guess: the compare-exchange corrects it"},
       {"home_.store(nullptr", drop, "nobody is a worker here"},
       {"high_water_", drop, "for the statistics"}});
}

TEST(ProvidedBuffersDeathTest, come_back_once) {
  EXPECT_DEATH(
      {
        watched_buffers all;
        std::byte* const b = all.take();
        all.give(b);
        all.give_from_elsewhere(b);
      },
      "given back twice");
}

// As leases, each with its lessee, which may go as soon as it holds none.
TEST(LeasedBytes, the_lessee_may_go_when_it_holds_none) {
  explore(seeds, [](sim& world) {
    watched_buffers all;
    auto by = std::make_unique<lessee>(io::lease_limits{.leases_max = 2, .held_max = 1h});
    std::vector<io::leased_bytes> leases;
    for (int i = 0; i < 2; ++i) {
      world.check(by->may_take(all), "within its bounds");
      leases.emplace_back(all, *by, std::span{all.take(), 8});
    }
    world.check(!by->may_take(all), "beyond its bounds");
    for (auto& lease : leases) world.thread([&world, mine = std::move(lease)]() mutable { mine.end(); });
    world.thread([&] {
      while (by->held() != 0) detail::spin_pause();
      by.reset();
    });
    all.retire();
    world.run();
    world.check(all.destroyed == 1, "the memory was not freed once");
  });
}

TEST(Lessee, takes_while_it_holds_for_a_time_and_again_when_all_is_back) {
  sim world{/*seed=*/1};
  watched_buffers all;
  lessee by{{.leases_max = 3, .held_max = 10ms}};
  io::leased_bytes one;
  io::leased_bytes other;
  ASSERT_TRUE(by.may_take(all));
  one = {all, by, {all.take(), 1}};
  world.advance(1h);  // it has not come again, so nobody knows that it is slow
  ASSERT_TRUE(by.may_take(all));
  other = {all, by, {all.take(), 1}};
  one.end();
  world.advance(9ms);
  EXPECT_TRUE(by.may_take(all));  // not early
  world.advance(2ms);
  EXPECT_FALSE(by.may_take(all));  // not never
  other.end();
  EXPECT_TRUE(by.may_take(all));
  all.retire();
}

TEST(Lessee, with_something_in_hand_leaves_the_last_quarter_to_others) {
  sim world{/*seed=*/1};
  watched_buffers all{many};
  lessee by;
  lessee others;
  std::vector<io::leased_bytes> of_others;
  for (int i = 0; i < 6; ++i) of_others.emplace_back(all, others, std::span{all.take(), 1});
  ASSERT_TRUE(by.may_take(all)) << "who has none may have one of the last";
  io::leased_bytes last{all, by, {all.take(), 1}};
  EXPECT_FALSE(by.may_take(all));
  of_others.clear();
  EXPECT_TRUE(by.may_take(all));
  last.end();
  all.retire();
}

TEST(LesseeDeathTest, must_outlive_its_leases) {
  EXPECT_DEATH(
      {
        watched_buffers all;
        io::leased_bytes lease;
        lessee by;
        lease = io::leased_bytes(all, by, std::span(all.take(), 1));
      },
      "outlives its lessee");
}

}  // namespace
}  // namespace weft
