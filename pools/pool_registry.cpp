#include <weft/pools/pool_registry.hpp>

#include <mutex>

#include <weft/pools/pool_lock.hpp>

namespace weft::detail {
namespace {

// Never destroyed: pools may be of static storage.
struct registry {
  pool_lock lock;  // guards the list; held while a pool is trimmed, so for a slice of some milliseconds
  intrusive_list<listed_pool> pools;
};

registry& all_pools() noexcept {
  static registry& all = *new registry;
  return all;
}

}  // namespace

void listed_pool::enlist() noexcept {
  registry& all = all_pools();
  const std::lock_guard hold{all.lock};
  all.pools.push_back(*this);
}

void listed_pool::delist() noexcept {
  registry& all = all_pools();
  const std::lock_guard hold{all.lock};
  unlink();
}

bool trim_pools(deadline until) noexcept {
  registry& all = all_pools();
  const std::lock_guard hold{all.lock};
  for (listed_pool& pool : all.pools)
    if (pool.trim(until)) return true;
  return false;
}

void visit_pools(void (*f)(const listed_pool& pool, const pool_stats& stats, void* context), void* context) {
  registry& all = all_pools();
  const std::lock_guard hold{all.lock};
  for (listed_pool& pool : all.pools) f(pool, pool.stats(), context);
}

}  // namespace weft::detail
