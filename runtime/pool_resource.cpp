#include <weft/runtime/pool_resource.hpp>

#include <new>

namespace weft {

void* pool_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
  if (!is_small(bytes, alignment)) return upstream_->allocate(bytes, alignment);
  const result<void*> block = blocks_for(bytes).take(deadline::never());
  if (!block) [[unlikely]]
    throw std::bad_alloc{};
  return *block;
}

void pool_resource::do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) {
  if (!is_small(bytes, alignment)) return upstream_->deallocate(memory, bytes, alignment);
  blocks_for(bytes).give(memory);
}

pool_stats pool_resource::stats() noexcept {
  pool_stats sum;
  for (detail::bounded_blocks& blocks : blocks_) {
    const pool_stats one = blocks.stats();
    sum.in_use += one.in_use;
    sum.idle += one.idle;
    sum.capacity += one.capacity;
    sum.high_water += one.high_water;
    sum.hits += one.hits;
    sum.misses += one.misses;
    sum.refused += one.refused;
    sum.limit = one.limit > SIZE_MAX - sum.limit ? SIZE_MAX : sum.limit + one.limit;
  }
  return sum;
}

void pool_resource::trim() noexcept {
  for (detail::bounded_blocks& blocks : blocks_) blocks.trim(deadline::never());
}

}  // namespace weft
