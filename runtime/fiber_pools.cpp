#include <weft/runtime/fiber_pools.hpp>

#include <algorithm>
#include <cstdint>

#include <weft/pools/stack_pool.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {
namespace {

std::uint64_t without(std::uint64_t all, std::uint64_t some) noexcept { return all - std::min(all, some); }

std::size_t limit_of(const scheduler& of) noexcept {
  return of.settings().fibers_max != 0 ? of.settings().fibers_max : SIZE_MAX;
}

}  // namespace

pool_stats fiber_pools::stacks::stats() noexcept {
  pool_stats all;
  for (std::size_t node = 0; node < of_.stack_depots(); ++node) {
    const stack_depot::census one = of_.stacks(node).count();
    all.in_use += one.in_use;
    all.idle += one.warm;
    all.capacity += one.capacity;
    all.high_water += one.high_water;
    all.misses += one.batches;
    all.refused += one.refused;
  }
  std::uint64_t begun = all.in_use;
  for (const auto& w : of_.workers()) begun += w->counters().finished.load(std::memory_order_relaxed);
  all.limit = limit_of(of_);
  all.hits = without(begun, all.misses);
  return all;
}

fiber_pools::blocks::blocks(scheduler& of) noexcept
    : listed_pool{"fiber control blocks"}, of_{of}, before_{process_slabs<sizeof(fiber)>().count()} {
  enlist();
}

pool_stats fiber_pools::blocks::stats() noexcept {
  slab_depot& depot = process_slabs<sizeof(fiber)>();
  const slab_depot::census now = depot.count();
  pool_stats all;
  all.in_use = now.in_use;
  all.idle = now.paged - std::min(now.paged, now.in_use);
  all.capacity = depot.warm();
  all.limit = limit_of(of_);
  all.high_water = now.high_water;
  all.misses = now.batches - before_.batches;
  all.refused = now.refused - before_.refused;
  all.hits = without(of_.fibers_spawned(), all.misses);
  return all;
}

}  // namespace weft::detail
