#include <weft/pools/block_store.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include <weft/pools/sanitizer.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/asymmetric_fence.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t cached_bytes_most = 256 * kib;  // in a batch; a guess
constexpr std::size_t limit_share = 16;               // a batch is at most this part of the limit
constexpr auto free_pattern = std::byte{0xdb};
constexpr std::size_t checked_bytes_most = 64 * kib;  // of each block

std::uint32_t batch_of(std::size_t block_bytes, std::size_t limit) noexcept {
  const std::size_t most = std::min(cached_bytes_most / block_bytes, limit / limit_share);
  return static_cast<std::uint32_t>(std::clamp(most, std::size_t{1}, std::size_t{block_cache::batch_max}));
}

void mark_free(void* block, std::size_t bytes) noexcept {
  std::memset(block, static_cast<int>(free_pattern), std::min(bytes, checked_bytes_most));
  poison(static_cast<const std::byte*>(block), bytes);
}

// A page of a free block has the pattern, or is all zero: it was never used, or trimmed.
void mark_taken(void* block, std::size_t bytes) noexcept {
  auto* const begin = static_cast<std::byte*>(block);
  unpoison(begin, bytes);
  const std::size_t end = std::min(bytes, checked_bytes_most);
  for (std::size_t at = 0; at < end;) {
    const std::size_t in_page = page - reinterpret_cast<std::uintptr_t>(begin + at) % page;
    const std::size_t next = std::min(at + in_page, end);
    const std::byte expected = begin[at];
    const bool same = std::all_of(begin + at, begin + next, [&](std::byte b) { return b == expected; });
    WEFT_ASSERT(same && (expected == free_pattern || expected == std::byte{0}),
                "a block of a pool was written to after it was given back");
    at = next;
  }
}

}  // namespace

block_store::block_store(const block_store_options& options) noexcept
    : depot_{options.block_bytes, options.floor},
      floor_of_options_{std::min(options.floor, options.limit)},
      limit_{options.limit},
      batch_{batch_of(options.block_bytes, options.limit)},
      checked_{options.checked},
      closed_{options.checked},
      floor_{floor_of_options_},
      capacity_{floor_} {
  prepare_asymmetric_fences();
}

block_store::~block_store() {
  empty_caches();
  WEFT_ASSERT(out_ == 0u, "blocks of a pool were not given back before its end");
  for (atomic<block_cache*>& cache : caches_) delete cache.load(std::memory_order_relaxed);
}

// --- taking and giving

bool block_store::take_locked(void** out, std::size_t count) noexcept {
  if (limit_ - out_ < count && !closed_.load(std::memory_order_relaxed)) {
    closed_.store(true, std::memory_order_relaxed);
    empty_caches();
  }
  if (limit_ - out_ < count) return false;
  std::size_t got = 0;
  if (count == 1 && !closed_.load(std::memory_order_relaxed)) got = refill(out);
  else got = take_out(out, count);
  if (got != count) {
    put_back(out, got);
    return false;
  }
  slow_takes_ += count;
  grow();
  return true;
}

void block_store::untake_locked(void* const* blocks, std::size_t count) noexcept {
  put_back(blocks, count);
  slow_takes_ -= count;
}

/// One block, and a batch for the thread's cache if that is empty, as it is but for a thread that has just
/// got the slot of another.
std::size_t block_store::refill(void** out) noexcept {
  block_cache* const own = own_cache();
  if (own == nullptr) return take_out(out, 1);
  if (own->count() == 0) {
    const std::size_t got = take_out(own->room(), std::min<std::size_t>(batch_, limit_ - out_));
    if (got == 0) return 0;
    own->filled(static_cast<std::uint32_t>(got));
  }
  *out = own->take_newest();
  return 1;
}

bool block_store::give_locked(void* block) noexcept {
  if (closed_.load(std::memory_order_relaxed)) {
    put_back(&block, 1);
    return true;
  }
  if (block_cache* const own = own_cache()) {
    if (own->count() == own->capacity()) {
      put_back(own->oldest(), batch_);
      own->drop_oldest(batch_);
    }
    own->put(block);
  } else {
    put_back(&block, 1);
  }
  return false;
}

void block_store::open_if_plenty_locked() noexcept {
  if (checked_ || !closed_.load(std::memory_order_relaxed)) return;
  if (limit_ - out_ < std::max(limit_ / 4, std::size_t{1})) return;
  closed_.store(false, std::memory_order_release);  // what was done to the caches comes first
}

std::size_t block_store::take_out(void** out, std::size_t count) noexcept {
  std::size_t got = 0;
  while (got < count) {
    const std::size_t more = depot_.take(out + got, count - got);
    if (more == 0) break;
    got += more;
  }
  out_ += got;
  if (checked_)
    for (std::size_t i = 0; i < got; ++i) mark_taken(out[i], block_bytes());
  return got;
}

void block_store::put_back(void* const* blocks, std::size_t count) noexcept {
  if (count == 0) return;
  depot_.give(blocks, count);  // asserts that they are its own, and were out
  out_ -= count;
  if (checked_)
    for (std::size_t i = 0; i < count; ++i) mark_free(blocks[i], block_bytes());
}

// --- caches

/// The cache of the calling thread; null: it has no slot, or there is no memory.
block_cache* block_store::own_cache() noexcept {
  const std::uint32_t slot = take_thread_slot();
  if (slot == 0) return nullptr;
  block_cache* own = caches_[slot].load(std::memory_order_relaxed);
  if (own == nullptr) {
    own = new (std::nothrow) block_cache{batch_};
    caches_[slot].store(own, std::memory_order_relaxed);  // nobody reads it but under the lock, and its owner
    slots_used_ = std::max(slots_used_, slot + 1);
  }
  return own;
}

/// For a closed store, or one that nobody uses any more.
void block_store::empty_caches() noexcept {
  heavy_fence();  // an owner sees that the store is closed, or we see that it is busy
  for (std::uint32_t slot = 1; slot < slots_used_; ++slot) {
    block_cache* const cache = caches_[slot].load(std::memory_order_relaxed);
    if (cache == nullptr) continue;
    cache->await_idle();
    const std::uint32_t count = cache->count();
    put_back(cache->oldest(), count);
    cache->drop_oldest(count);
  }
}

std::size_t block_store::cached() const noexcept {
  std::size_t sum = 0;
  for (std::uint32_t slot = 1; slot < slots_used_; ++slot)
    if (const block_cache* const cache = caches_[slot].load(std::memory_order_relaxed)) sum += cache->count();
  return sum;
}

std::uint64_t block_store::cache_takes() const noexcept {
  std::uint64_t sum = 0;
  for (std::uint32_t slot = 1; slot < slots_used_; ++slot)
    if (const block_cache* const cache = caches_[slot].load(std::memory_order_relaxed)) sum += cache->takes();
  return sum;
}

std::size_t block_store::in_use() const noexcept { return out_ - std::min(out_, cached()); }

// --- care

void block_store::grow() noexcept {
  const std::size_t used = in_use();
  high_water_ = std::max(high_water_, used);
  capacity_ = std::max(capacity_, next_capacity(used, capacity_, floor_, limit_));
}

void block_store::warm_up(std::size_t count) noexcept {
  const std::lock_guard hold{lock_};
  count = std::min(count, limit_ - out_);
  const std::unique_ptr<void*[]> blocks{new (std::nothrow) void*[count]};
  if (blocks == nullptr) return;
  const std::size_t got = take_out(blocks.get(), count);
  for (std::size_t i = 0; i < got; ++i) {
    auto* const block = static_cast<volatile std::byte*>(blocks[i]);  // volatile: the access is what counts
    for (std::size_t at = 0; at < block_bytes(); at += page) block[at] = block[at];
  }
  put_back(blocks.get(), got);
  capacity_ = std::max(capacity_, std::min(limit_, in_use() + got));
}

void block_store::keep(std::size_t count) noexcept {
  const std::lock_guard wait_for_trim{trim_lock_};
  const std::lock_guard hold{lock_};
  floor_ = std::max(floor_of_options_, std::min(count, limit_));
  capacity_ = std::max(capacity_, floor_);
}

bool block_store::trim(deadline until) noexcept {
  const std::lock_guard alone{trim_lock_};
  {
    const std::lock_guard hold{lock_};
    const std::size_t used = in_use();
    // What is on its way to the kernel is out of reach for that long, and who comes then would get a block
    // that is none of those which are kept.
    if (floor_ == limit_) return false;
    capacity_ = next_capacity(used, capacity_, floor_, limit_);
    const std::size_t keep = capacity_ - std::min(capacity_, used);
    depot_.keep_warm(keep);
    if (cached() > keep) {  // so it is open: the caches of a closed one are empty
      closed_.store(true, std::memory_order_relaxed);
      empty_caches();
      closed_.store(false, std::memory_order_release);  // as it was
    }
  }
  return depot_.trim(until);
}

pool_stats block_store::stats() noexcept {
  const std::lock_guard hold{lock_};
  const std::size_t used = in_use();
  const std::size_t paged = depot_.count().paged;
  high_water_ = std::max(high_water_, used);
  return {.in_use = used,
          .idle = paged - std::min(paged, used),
          .capacity = capacity_,
          .limit = limit_,
          .high_water = high_water_,
          .hits = cache_takes(),
          .misses = slow_takes_,
          .refused = refused_};
}

}  // namespace weft::detail
