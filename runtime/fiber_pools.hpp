// What a runtime's fibers are made of, in the list of the process's pools: their stacks and their control
// blocks.
//
// A worker's caches count nothing, because a spawn is to cost nothing for it. So a hit is what is left: every
// fiber that was spawned took a control block, every one that has begun a stack, and the depots know how
// often a cache had to be filled. The depot of control blocks is the process's: with several runtimes, each
// tells what is in use by all. High water includes what lay in caches, and of control blocks is the process's
// since it began.
#pragma once

#include <weft/pools/pool_registry.hpp>
#include <weft/pools/slab.hpp>

namespace weft::detail {

class scheduler;

class fiber_pools {
 public:
  /// Enlists them. `of` outlives this, and has all its workers.
  explicit fiber_pools(scheduler& of) noexcept : stacks_{of}, blocks_{of} {}
  fiber_pools(const fiber_pools&) = delete;
  fiber_pools& operator=(const fiber_pools&) = delete;

 private:
  // Neither is trimmed from here: workers look after their own caches first.
  class stacks final : public listed_pool {
   public:
    explicit stacks(scheduler& of) noexcept : listed_pool{"fiber stacks"}, of_{of} { enlist(); }
    ~stacks() { delist(); }
    pool_stats stats() noexcept override;
    bool trim(deadline) noexcept override { return false; }

   private:
    scheduler& of_;
  };

  class blocks final : public listed_pool {
   public:
    explicit blocks(scheduler& of) noexcept;
    ~blocks() { delist(); }
    pool_stats stats() noexcept override;
    bool trim(deadline) noexcept override { return false; }

   private:
    scheduler& of_;
    const slab_depot::census before_;  // this runtime
  };

  stacks stacks_;
  blocks blocks_;
};

}  // namespace weft::detail
