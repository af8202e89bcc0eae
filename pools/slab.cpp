// Regions keep their bookkeeping in their own first pages: a word of free bits per slab, and a summary of
// those words.
#include <weft/pools/slab.hpp>

#include <algorithm>
#include <bit>

#include <sys/mman.h>
#include <unistd.h>

#include <weft/pools/sanitizer.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t word_bits = 64;
constexpr std::size_t slab_bytes_most = 256 * kib;  // of more than one block
constexpr std::size_t region_bytes = 64 * mib;
constexpr std::size_t block_bytes_min = cache_line;
constexpr std::size_t slabs_max = region_bytes / (block_bytes_min * word_bits);
constexpr std::size_t words_max = slabs_max / word_bits;

// What trimming does without the lock, between two looks at the clock.
constexpr std::size_t slice_bytes = 2 * mib;

void set(std::uint64_t* bits, std::size_t i) noexcept {
  bits[i / word_bits] |= std::uint64_t{1} << i % word_bits;
}
void clear(std::uint64_t* bits, std::size_t i) noexcept {
  bits[i / word_bits] &= ~(std::uint64_t{1} << i % word_bits);
}
bool test(const std::uint64_t* bits, std::size_t i) noexcept {
  return (bits[i / word_bits] >> i % word_bits & 1) != 0;
}

}  // namespace

/// Lies at the start of its region; pages of it that were never needed do not exist.
struct slab_region {
  slab_region* next = nullptr;
  const slab_depot* depot = nullptr;
  std::size_t slab_bytes = 0;
  std::size_t first_slab = 0;  // the ones before hold this struct
  std::size_t carved = 0;      // slabs [first_slab, carved) have blocks
  std::size_t slabs = 0;
  std::size_t free = 0;                     // free blocks
  std::size_t cleaning = 0;                 // blocks whose pages are just being freed
  std::uint64_t some_free[words_max] = {};  // a bit per slab: it has a free block
  std::uint64_t dirty[words_max] = {};      // a bit per slab: it may have pages
  std::uint64_t free_bits[slabs_max] = {};  // a word per slab

  std::byte* slab(std::size_t i) noexcept { return reinterpret_cast<std::byte*>(this) + i * slab_bytes; }
  static slab_region& of(const void* block) noexcept {
    return *reinterpret_cast<slab_region*>(reinterpret_cast<std::uintptr_t>(block) & ~(region_bytes - 1));
  }
};

namespace {

/// A region that begins at a multiple of its size. The exact size is tried first: regions then lie side by
/// side.
slab_region* map_region(const slab_depot& depot, std::size_t slab_bytes) noexcept {
  constexpr int protection = PROT_READ | PROT_WRITE;
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* at = mmap(nullptr, region_bytes, protection, flags, -1, 0);
  if (at == MAP_FAILED) return nullptr;
  if (const auto begin = reinterpret_cast<std::uintptr_t>(at); begin % region_bytes != 0) {
    munmap(at, region_bytes);
    at = mmap(nullptr, 2 * region_bytes, protection, flags, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    const std::size_t before =
        (region_bytes - reinterpret_cast<std::uintptr_t>(at) % region_bytes) % region_bytes;
    auto* const aligned = static_cast<std::byte*>(at) + before;
    if (before != 0) munmap(at, before);
    munmap(aligned + region_bytes, region_bytes - before);
    at = aligned;
  }
  auto* const region = static_cast<slab_region*>(at);  // all zero, as its members begin
  region->depot = &depot;
  region->slab_bytes = slab_bytes;
  region->slabs = region_bytes / region->slab_bytes;
  region->first_slab = (sizeof(slab_region) + region->slab_bytes - 1) / region->slab_bytes;
  region->carved = region->first_slab;
  return region;
}

}  // namespace

slab_depot::slab_depot(std::size_t block_bytes, std::size_t warm) noexcept
    : block_bytes_{block_bytes},
      slab_blocks_{std::clamp(slab_bytes_most / (block_bytes | 1), std::size_t{1}, word_bits)},
      all_free_{~std::uint64_t{0} >> (word_bits - slab_blocks_)},
      warm_{warm} {
  WEFT_ASSERT(block_bytes % block_bytes_min == 0u && block_bytes != 0 && block_bytes <= block_bytes_max &&
                  (block_bytes <= 4096 || std::has_single_bit(block_bytes)),
              "no such size of blocks");
}

slab_depot::~slab_depot() {
  WEFT_ASSERT(caches_.empty(), "a slab_cache outlives its depot");
  WEFT_ASSERT(count().in_use == 0u, "a block outlives its depot");
  while (first_ != nullptr) {
    slab_region* const region = first_;
    first_ = region->next;
    unpoison(reinterpret_cast<const std::byte*>(region),
             region_bytes);  // the addresses may be another's soon
    munmap(region, region_bytes);
  }
}

slab_depot::layout slab_depot::layout_for_debuggers() noexcept {
  // A pointer to a data member is its offset (Itanium C++ ABI, all we build on).
  const auto offset = [](auto member) { return std::bit_cast<std::size_t>(member); };
  return {.first_region = offset(&slab_depot::first_),
          .slab_blocks = offset(&slab_depot::slab_blocks_),
          .next_region = offset(&slab_region::next),
          .slab_bytes = offset(&slab_region::slab_bytes),
          .first_slab = offset(&slab_region::first_slab),
          .carved_slabs = offset(&slab_region::carved)};
}

std::size_t slab_depot::take(void** out, std::size_t max) noexcept {
  const std::lock_guard hold{lock_};
  const std::size_t taken = take_some(out, max);
  ++batches_;
  if (taken == 0) ++refused_;
  out_ += taken;
  high_water_ = std::max(high_water_, out_);
  return taken;
}

/// Under the lock.
std::size_t slab_depot::take_some(void** out, std::size_t max) noexcept {
  std::size_t taken = 0;
  for (slab_region* region = first_; region != nullptr && taken < max; region = region->next)
    taken += take_from(*region, out + taken, max - taken);
  if (taken != 0) return taken;
  if (last_ == nullptr || last_->carved == last_->slabs) {
    slab_region* const region = map_region(*this, block_bytes_ * slab_blocks_);
    if (region == nullptr) return 0;
    (last_ != nullptr ? last_->next : first_) = region;
    last_ = region;
  }
  slab_region& region = *last_;
  const std::size_t fresh = region.carved++;
  region.free_bits[fresh] = all_free_;
  region.free += slab_blocks_;
  set(region.some_free, fresh);
  return take_from(region, out, max);
}

std::size_t slab_depot::take_from(slab_region& region, void** out, std::size_t max) noexcept {
  std::size_t taken = 0;
  for (std::size_t w = 0; region.free != 0 && taken < max; ++w) {
    while (region.some_free[w] != 0 && taken < max) {
      const std::size_t slab =
          w * word_bits + static_cast<std::size_t>(std::countr_zero(region.some_free[w]));
      std::uint64_t& bits = region.free_bits[slab];
      if (bits == all_free_ && test(region.dirty, slab))
        dirty_.store(dirty_.load(std::memory_order_relaxed) - slab_blocks_, std::memory_order_relaxed);
      set(region.dirty, slab);
      for (; bits != 0 && taken < max; bits &= bits - 1, --region.free)
        out[taken++] = region.slab(slab) + static_cast<std::size_t>(std::countr_zero(bits)) * block_bytes_;
      if (bits == 0) clear(region.some_free, slab);
    }
  }
  return taken;
}

void slab_depot::give(void* const* blocks, std::size_t count) noexcept {
  const std::lock_guard hold{lock_};
  for (std::size_t i = 0; i < count; ++i) {
    slab_region& region = slab_region::of(blocks[i]);
    WEFT_ASSERT(region.depot == this, "a block was given back where it does not come from");
    const auto offset = static_cast<std::size_t>(static_cast<std::byte*>(blocks[i]) - region.slab(0));
    const std::size_t slab = offset / region.slab_bytes;
    WEFT_ASSERT(offset % block_bytes_ == 0u && slab >= region.first_slab && slab < region.carved,
                "what was given back is no block");
    const std::uint64_t mask = std::uint64_t{1} << offset % region.slab_bytes / block_bytes_;
    std::uint64_t& bits = region.free_bits[slab];
    WEFT_ASSERT((bits & mask) == 0u, "a block was given back twice");
    bits |= mask;
    ++region.free;
    set(region.some_free, slab);
    if (bits == all_free_)
      dirty_.store(dirty_.load(std::memory_order_relaxed) + slab_blocks_, std::memory_order_relaxed);
  }
  out_ -= count;
}

bool slab_depot::trim(deadline until) noexcept {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (block_bytes_ * slab_blocks_ % page != 0) return false;  // a page holds more than one slab
  while (trim_slice())
    if (until.expired()) return true;
  return false;
}

/// Frees one run of empty slabs beyond the warm ones, the last ones first; false: there is none.
bool slab_depot::trim_slice() noexcept {
  slab_region* region = nullptr;
  std::size_t end = 0, begin = 0;
  {
    const std::lock_guard hold{lock_};
    const std::size_t warm = warm_.load(std::memory_order_relaxed);
    std::size_t surplus = dirty_.load(std::memory_order_relaxed);
    surplus = surplus > warm ? (surplus - warm) / slab_blocks_ : 0;
    if (surplus == 0) return false;
    for (slab_region* at = first_; at != nullptr; at = at->next) {
      const auto empty = [&](std::size_t i) { return at->free_bits[i] == all_free_ && test(at->dirty, i); };
      for (std::size_t i = at->carved; i > at->first_slab; --i) {
        if (!empty(i - 1)) continue;
        region = at;
        end = begin = i;
        const std::size_t slice = std::max(slice_bytes / at->slab_bytes, std::size_t{1});
        const std::size_t most = std::min({surplus, slice, i - at->first_slab});
        while (end - begin < most && empty(begin - 1)) --begin;
        break;
      }
    }
    WEFT_ASSERT(region != nullptr, "the count of empty slabs is wrong");
    for (std::size_t i = begin; i < end; ++i) {
      region->free_bits[i] = 0;  // out of reach until the pages are gone
      clear(region->some_free, i);
    }
    const std::size_t blocks = (end - begin) * slab_blocks_;
    region->free -= blocks;
    region->cleaning += blocks;
    dirty_.store(dirty_.load(std::memory_order_relaxed) - blocks, std::memory_order_relaxed);
  }
  madvise(region->slab(begin), (end - begin) * region->slab_bytes, MADV_DONTNEED);
  const std::lock_guard hold{lock_};
  for (std::size_t i = begin; i < end; ++i) {
    region->free_bits[i] = all_free_;
    set(region->some_free, i);
    clear(region->dirty, i);
  }
  region->free += (end - begin) * slab_blocks_;
  region->cleaning -= (end - begin) * slab_blocks_;
  return true;
}

void slab_depot::visit(void (*f)(void* block, void* context), void* context) noexcept {
  for (slab_region* region = first_; region != nullptr; region = region->next) {
    for (std::size_t slab = region->first_slab; slab < region->carved; ++slab) {
      for (std::uint64_t out = ~region->free_bits[slab] & all_free_; out != 0; out &= out - 1)
        f(region->slab(slab) + static_cast<std::size_t>(std::countr_zero(out)) * block_bytes_, context);
    }
  }
}

slab_depot::census slab_depot::count() noexcept {
  census all;
  const std::lock_guard hold{lock_};
  for (const slab_region* region = first_; region != nullptr; region = region->next) {
    const std::size_t carved = (region->carved - region->first_slab) * slab_blocks_;
    all.free += region->free + region->cleaning;
    all.in_use += carved - region->free - region->cleaning;
    all.mapped += region_bytes;
    for (const std::uint64_t word : region->dirty)
      all.paged += static_cast<std::size_t>(std::popcount(word)) * slab_blocks_;
  }
  for (const slab_cache& cache : caches_) {
    const std::size_t cached =
        std::min<std::size_t>(cache.count_.load(std::memory_order_relaxed), all.in_use);
    all.in_use -= cached;
    all.free += cached;
  }
  all.high_water = high_water_;
  all.batches = batches_;
  all.refused = refused_;
  return all;
}

// --- slab_cache

slab_cache::slab_cache(slab_depot& depot) noexcept : depot_{depot} {
  const std::lock_guard hold{depot_.lock_};
  depot_.caches_.push_back(*this);
}

slab_cache::~slab_cache() {
  give_back(count_.load(std::memory_order_relaxed));
  const std::lock_guard hold{depot_.lock_};
  unlink();
}

void* slab_cache::take_slow() noexcept {
  const auto got = static_cast<std::uint32_t>(depot_.take(blocks_.data(), batch));
  if (got == 0) return nullptr;
  count_.store(got, std::memory_order_relaxed);
  return take();
}

void slab_cache::give_slow(void* block) noexcept {
  give_back(batch);
  give(block);
}

/// Hands the `count` blocks that were used longest ago to the depot.
void slab_cache::give_back(std::uint32_t count) noexcept {
  if (count == 0) return;
  depot_.give(blocks_.data(), count);
  const std::uint32_t n = count_.load(std::memory_order_relaxed);
  std::copy(blocks_.begin() + count, blocks_.begin() + n, blocks_.begin());
  count_.store(n - count, std::memory_order_relaxed);
}

bool slab_cache::trim(deadline until) noexcept {
  const std::uint32_t cached = count_.load(std::memory_order_relaxed);
  if (depot_.dirty_.load(std::memory_order_relaxed) + cached <= depot_.warm_.load(std::memory_order_relaxed))
    return false;
  give_back(cached);
  return depot_.trim(until);
}

}  // namespace weft::detail
