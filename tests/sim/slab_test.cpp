// Slabs under every interleaving: each block is one's at a time, whichever way it comes and goes, and what is
// counted is so when all stand still.
#include <weft/pools/slab.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include <sim/explore.hpp>
#include <sim/sim.hpp>

namespace weft {
namespace {

using detail::slab_cache;
using detail::slab_depot;

constexpr std::uint64_t seeds = 10'000;
constexpr std::size_t users_max = 3;

// Users with caches of their own, a depot that some give to directly, and one who trims and counts.
class model {
 public:
  explicit model(sim& world) : world_{world}, depot_{64, world.random(2) == 0 ? 0u : 4096u} {
    for (auto& cache : caches_) cache.emplace(depot_);
  }

  void use(std::size_t who) {
    slab_cache& cache = *caches_[who];
    std::vector<void*> mine;
    if (world_.random(16) == 0)  // more than a cache holds
      for (std::size_t i = 0; i <= slab_cache::capacity; ++i) mine.push_back(taken(cache.take()));
    for (int round = 0; round < 6; ++round) {
      switch (world_.random(6)) {
        case 0: (void)cache.trim(deadline::past()); break;
        case 1: look(mine); break;
        case 2:
          if (mine.empty()) break;
          depot_.give(given(mine.back()));
          mine.pop_back();
          break;
        case 3:
          if (mine.empty()) break;
          cache.give(given(mine.back()));
          mine.pop_back();
          break;
        default: mine.push_back(taken(cache.take()));
      }
    }
    for (void* const block : mine) cache.give(given(block));
  }

  // Caches are full of free blocks; then they are emptied too, and no page is left.
  void expect_all_are_back() {
    const slab_depot::census before = depot_.count();
    world_.check(before.in_use == 0, "a block is still counted as used");
    world_.check(in_use_.empty(), "a block was not given back");
    depot_.keep_warm(0);
    for (auto& cache : caches_) (void)cache->trim();
    const slab_depot::census after = depot_.count();
    world_.check(after.free == before.free, "a block was lost");
    world_.check(after.paged == 0, "pages are left");
    for (auto& cache : caches_) cache.reset();
    (void)depot_.trim();
    world_.check(depot_.count().paged == 0, "pages are left");
  }

 private:
  void* taken(void* block) {
    world_.check(block != nullptr && reinterpret_cast<std::uintptr_t>(block) % 64 == 0, "no block");
    world_.check(in_use_.insert(block).second, "two have the same block");
    return block;
  }
  void* given(void* block) {
    in_use_.erase(block);
    return block;
  }
  void look(const std::vector<void*>& mine) {
    std::set<void*> left{mine.begin(), mine.end()};
    depot_.for_each([&](void* block) { left.erase(block); });
    world_.check(left.empty(), "a block in use was not visited");
    const slab_depot::census now = depot_.count();
    world_.check(now.paged <= now.in_use + now.free, "more pages than blocks");
  }

  sim& world_;
  slab_depot depot_;
  std::array<std::optional<slab_cache>, users_max> caches_;
  std::set<void*> in_use_;
};

void use_in_every_way(sim& world) {
  model m{world};
  for (std::size_t who = 0; who < users_max; ++who) world.thread([&, who] { m.use(who); });
  world.run();
  m.expect_all_are_back();
}

TEST(Slab, no_block_is_lost_or_given_to_two) { explore(seeds, use_in_every_way); }

TEST(Slab, every_operation_is_needed) {
  expect_mutations_found("pools/slab.hpp", seeds, use_in_every_way);
  expect_mutations_found("pools/slab.cpp", seeds, use_in_every_way);
}

}  // namespace
}  // namespace weft
