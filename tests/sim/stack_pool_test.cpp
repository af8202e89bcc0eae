// Stacks under every interleaving: caches of some threads over one depot whose arenas are small, so that they
// come and go.
#include <weft/pools/stack_pool.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>

namespace weft {
namespace {

using detail::stack_cache;
using detail::stack_depot;
using detail::stack_depot_options;

constexpr std::uint64_t seeds = 10'000;
constexpr std::size_t users_max = 3;

int overflows_heard = 0;

// In a part of the worlds there are real guards, but only for the first stacks. Where the depot is adaptive,
// every trim() begins a new window.
stack_depot_options some_options(sim& world) {
  stack_depot_options o;
  o.warm = world.random(4);
  o.overflown = [](stack_class, const std::byte*) noexcept { ++overflows_heard; };
  if (world.random(4) == 0) o.guard = guard_kind::mprotect;
  o.mprotect_guards_max = 2;
  o.arena_bytes = (1 + world.random(2)) * detail::stack_chunk;
  o.adaptive = world.random(3) == 0;
  o.adapt_every = std::chrono::nanoseconds{0};
  return o;
}

// Users with caches of their own, who write on their stacks, or beyond them; and trim.
class model {
 public:
  explicit model(sim& world) : world_{world}, options_{some_options(world)}, depot_{options_} {
    overflows_heard = 0;
    for (auto& cache : caches_) cache.emplace(depot_);
  }

  void use(std::size_t who) {
    stack_cache& cache = *caches_[who];
    std::vector<std::byte*> mine;
    if (world_.random(8) == 0)  // more than a cache holds: two batches
      for (int i = 0; i < 17; ++i) mine.push_back(taken(cache.take(size), who));
    for (int round = 0; round < 6; ++round) {
      switch (world_.random(5)) {
        case 0: (void)cache.trim(world_.random(2) == 0 ? deadline::past() : deadline::never()); break;
        case 1: {
          const stack_depot::census now = depot_.count();
          world_.check(now.in_use + now.warm + now.cold <= now.arenas * 2 * detail::stacks_per_chunk(size),
                       "more stacks than there is room for");
          world_.check(options_.adaptive ? now.kept >= options_.warm : now.kept == options_.warm,
                       "the wrong number is kept warm");
          world_.check(!depot_.lacks_guards() || depot_.guards() == guard_kind::canary, "no such guards");
          break;
        }
        case 2:
          if (mine.empty()) break;
          if (world_.random(4) == 0) overflow(mine.back());
          cache.give(size, given(mine.back(), who));
          mine.pop_back();
          break;
        default: mine.push_back(taken(cache.take(size), who));
      }
    }
    for (std::byte* const stack : mine) cache.give(size, given(stack, who));
  }

  void expect_all_are_back() {
    world_.check(in_use_.empty(), "a stack was not given back");
    world_.check(overflows_heard == overflows_, "an overflow was not heard of, or one too many");
    world_.check(depot_.guards() == worst_seen(), "the wrong kind of guards is said to be the worst");
    const stack_depot::census before = depot_.count();
    world_.check(before.in_use == 0, "a stack is still counted as used");
    for (auto& cache : caches_) cache.reset();
    stack_cache idle{depot_};
    if (options_.adaptive) expect_it_adapts(idle);
    while (idle.trim()) {}
    const stack_depot::census after = depot_.count();
    world_.check(after.in_use == 0 && after.warm <= options_.warm, "more is kept warm than asked for");
    world_.check(after.kept == options_.warm, "the wrong number is kept warm when all is quiet");
    world_.check(after.arenas <= after.warm, "an arena is kept for nothing");
  }

 private:
  static constexpr stack_class size = stack_class::mib1;

  // What a burst needed is kept at once, and let go of after a quiet window.
  void expect_it_adapts(stack_cache& idle) {
    let_a_window_pass(idle);
    std::array<std::byte*, 12> burst;
    for (std::byte*& stack : burst) stack = taken(idle.take(size), 0);
    for (std::byte* const stack : burst) idle.give(size, given(stack, 0));
    while (idle.trim()) {}
    const stack_depot::census now = depot_.count();
    world_.check(now.kept > options_.warm, "a burst has changed nothing");
    world_.check(now.warm > options_.warm && now.warm <= now.kept, "what a burst needed was not kept");
    let_a_window_pass(idle);
  }
  static void let_a_window_pass(stack_cache& idle) {
    for (int i = 0; i < 2; ++i)
      while (idle.trim()) {}
  }

  std::byte* taken(std::byte* stack, std::size_t who) {
    world_.check(stack != nullptr, "no stack");
    world_.check(in_use_.emplace(stack, who).second, "two have the same stack");
    std::memcpy(top_of(stack), &who, sizeof who);
    some_canary_ |= detail::find_chunk(stack).guards() == guard_kind::canary;
    return stack;
  }
  std::byte* given(std::byte* stack, std::size_t who) {
    world_.check(std::memcmp(top_of(stack), &who, sizeof who) == 0, "a stack has changed while in use");
    in_use_.erase(stack);
    return stack;
  }
  // Where a guard traps, nobody comes back from it.
  void overflow(std::byte* stack) {
    if (detail::find_chunk(stack).guards() != guard_kind::canary) return;
    std::memset(stack - 64, 0x11, 64);
    ++overflows_;
  }
  static std::byte* top_of(std::byte* stack) noexcept { return stack + detail::usable(size) - 64; }
  guard_kind worst_seen() const noexcept {
    return some_canary_ ? guard_kind::canary : options_.guard.value_or(guard_kind::page_table);
  }

  sim& world_;
  const stack_depot_options options_;
  stack_depot depot_;
  std::array<std::optional<stack_cache>, users_max> caches_;
  std::map<std::byte*, std::size_t> in_use_;
  bool some_canary_ = false;
  int overflows_ = 0;
};

void use_in_every_way(sim& world) {
  model m{world};
  for (std::size_t who = 0; who < users_max; ++who) world.thread([&, who] { m.use(who); });
  world.run();
  m.expect_all_are_back();
}

TEST(StackPool, no_stack_is_lost_or_given_to_two_and_arenas_go) { explore(seeds, use_in_every_way); }

TEST(StackPool, every_operation_is_needed) {
  using enum mutation::change;
  using detail::step_kind;
  constexpr std::string_view hint = "a hint whether trimming pays";
  constexpr std::string_view too_many = "then trimming is tried in vain";
  expect_mutations_found("pools/stack_pool.hpp", seeds, use_in_every_way);
  expect_mutations_found(
      "pools/stack_pool.cpp", seeds, use_in_every_way,
      {{"arenas_count_.", drop, hint},
       {"cached += s.count.load", drop, hint},
       {"unfinished_.", drop, hint},
       {"dirty_.load(std::memory_order_relaxed) - taken", drop, hint, step_kind::load},
       {"dirty_.store(dirty_.load(std::memory_order_relaxed) - ", drop, too_many, step_kind::store},
       {"== capacity(c)", drop, "a shelf of this class has room for more than it is to hold"},
       {"guard_kind worst = worst_.load", drop, "a first guess: the compare-exchange corrects it"},
       {"worst_.compare_exchange_weak", tear, "here all who come write the same"}});
}

}  // namespace
}  // namespace weft
