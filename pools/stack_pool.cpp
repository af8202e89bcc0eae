// The cold side: batches, arenas, trimming. System calls that take long are made without the lock.
#include <weft/pools/stack_pool.hpp>

#include <algorithm>
#include <mutex>

#include <sys/mman.h>

#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>

namespace weft::detail {
namespace {

constexpr stack_class class_at(std::size_t i) noexcept { return static_cast<stack_class>(i); }

guard_kind best_guard() noexcept {
  if (guard_works(guard_kind::page_table)) return guard_kind::page_table;
  return guard_works(guard_kind::mprotect) ? guard_kind::mprotect : guard_kind::canary;
}

}  // namespace

stack_depot::stack_depot(stack_depot_options options) noexcept
    : options_{options},
      best_{options.guard ? *options.guard : best_guard()},
      mprotect_max_{options.mprotect_guards_max != 0 ? options.mprotect_guards_max : mprotect_guards_max()},
      worst_{best_},
      canaries_{best_ == guard_kind::canary},
      warm_{options.warm},
      arena_bytes_{std::max((options.arena_bytes + stack_chunk - 1) / stack_chunk, std::size_t{1}) *
                   stack_chunk},
      capacity_{options.warm},
      window_began_{options.adaptive ? steady_ns() : 0} {}

stack_depot::~stack_depot() {
  WEFT_ASSERT(caches_.empty(), "a stack_cache outlives its depot");
  for (arena_list& list : arenas_) {
    for (stack_arena& arena : list) WEFT_ASSERT(arena.outstanding() == 0u, "a stack outlives its depot");
    dying_.splice_back(list);
  }
  while (release_some()) {}
}

// --- taking and giving

std::size_t stack_depot::take(stack_class c, std::byte** out, std::size_t max) noexcept {
  stack_arena* arena = nullptr;
  std::byte* chunk;
  {
    const std::lock_guard hold{lock_};
    if (const std::size_t taken = take_free(c, out, max); taken != 0) {
      count_taken(c, taken);
      return taken;
    }
    chunk = carve(c, arena);
    count_taken(c, chunk != nullptr ? std::min(max, stacks_per_chunk(c)) : 0);
    if (chunk == nullptr) return 0;
  }
  // The chunk's stacks count as outstanding, so the arena stays while they are guarded.
  const guard_kind kind = arena->guard_chunk(chunk, best_, mprotect_max_);
  if (kind == guard_kind::canary) canaries_.store(true, std::memory_order_relaxed);
  guard_kind worst = worst_.load(std::memory_order_relaxed);
  while (worst < kind && !worst_.compare_exchange_weak(worst, kind, std::memory_order_relaxed)) {}

  const std::size_t made = stacks_per_chunk(c);
  const std::size_t taken = std::min(max, made);
  std::byte* const lowest = chunk + guard(c);
  for (std::size_t i = 0; i < taken; ++i) out[i] = lowest + (made - 1 - i) * stride(c);
  if (taken < made) {
    const std::lock_guard hold{lock_};
    arena->give_clean(lowest, made - taken);
  }
  return taken;
}

/// Under the lock.
void stack_depot::count_taken(stack_class c, std::size_t count) noexcept {
  ++batches_;
  if (count == 0) ++refused_;
  out_ += count;
  high_water_ = std::max(high_water_, out_);
  most_out_ = std::max(most_out_, out_);
  out_of_class_[at(c)] += count;
  high_water_of_class_[at(c)] = std::max(high_water_of_class_[at(c)], out_of_class_[at(c)]);
}

/// Dirty stacks of any arena are cheaper than clean ones of the first: their pages are there.
std::size_t stack_depot::take_free(stack_class c, std::byte** out, std::size_t max) noexcept {
  std::size_t taken = 0;
  for (stack_arena& arena : arenas_[at(c)]) {
    taken += arena.take_dirty(out + taken, max - taken);
    if (taken == max) break;
  }
  if (taken != 0) {
    dirty_.store(dirty_.load(std::memory_order_relaxed) - taken, std::memory_order_relaxed);
    return taken;
  }
  for (stack_arena& arena : arenas_[at(c)]) {
    taken = arena.take_clean(out, max);
    if (taken != 0) break;
  }
  return taken;
}

std::byte* stack_depot::carve(stack_class c, stack_arena*& arena) noexcept {
  arena = arenas_[at(c)].back();
  if (arena != nullptr) {
    if (std::byte* const chunk = arena->carve(); chunk != nullptr) return chunk;
    if (arena->carved() * stride(c) < arena->bytes())
      return nullptr;  // there is address space, but no memory behind it
  }
  // Under a limit on address space, smaller arenas still find room; the size stays small then.
  while ((arena = stack_arena::map(c, arena_bytes_, options_.node)) == nullptr) {
    if (arena_bytes_ == stack_chunk) return nullptr;
    arena_bytes_ = std::max(arena_bytes_ / 2 / stack_chunk, std::size_t{1}) * stack_chunk;
  }
  arenas_[at(c)].push_back(*arena);
  arenas_count_.store(arenas_count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return arena->carve();
}

void stack_depot::give(stack_class c, std::byte* const* stacks, std::size_t count) noexcept {
  const std::lock_guard hold{lock_};
  for (std::size_t i = 0; i < count; ++i) {
    const chunk_entry entry = find_chunk(stacks[i]);
    WEFT_ASSERT(entry.has_stacks() && entry.size() == c, "what was given back is no stack of this class");
    entry.arena()->give(stacks[i]);
  }
  dirty_.store(dirty_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  out_ -= count;
  out_of_class_[at(c)] -= count;
}

void stack_depot::check_canary(stack_class c, std::byte* base) noexcept {
  if (find_chunk(base).guards() != guard_kind::canary) return;
  unpoison(base - canary_bytes, canary_bytes);
  if (canary_intact(base)) return;
  WEFT_ASSERT(options_.overflown != nullptr, "a fiber has overflown its stack");
  options_.overflown(c, base);
  std::byte* const begin = base - guard(c);
  if (madvise(begin, guard(c), MADV_DONTNEED) != 0)  // pages larger than a guard
    __builtin_memset(base - canary_bytes, 0, canary_bytes);
}

// --- trimming

/// Whether a cache that holds `cached` stacks should let go of them: also if these may be all that keeps an
/// arena.
bool stack_depot::worth_trimming(std::size_t cached) noexcept {
  if (options_.adaptive) adapt();
  return dirty_.load(std::memory_order_relaxed) + cached > warm_.load(std::memory_order_relaxed) ||
         unfinished_.load(std::memory_order_relaxed) ||
         (cached != 0 && arenas_count_.load(std::memory_order_relaxed) > stack_classes);
}

/// Grows at once, because the pages are there and would be wanted again; shrinks when a while has shown that
/// they are not.
void stack_depot::adapt() noexcept {
  const std::int64_t now = steady_ns();
  const std::lock_guard hold{lock_};
  const std::size_t wanted = next_capacity(most_out_, capacity_, options_.warm, SIZE_MAX);
  const bool window_is_over = now - window_began_ >= options_.adapt_every.count();
  if (wanted > capacity_ || window_is_over) capacity_ = wanted;
  if (window_is_over) {
    window_began_ = now;
    most_out_ = out_;
  }
  const std::size_t more = capacity_ - std::min(capacity_, out_);
  warm_.store(std::max(more, options_.warm), std::memory_order_relaxed);
}

std::int64_t stack_depot::shrinks_at() noexcept {
  if (!options_.adaptive) return INT64_MAX;
  const std::lock_guard hold{lock_};
  if (next_capacity(out_, capacity_, options_.warm, SIZE_MAX) >= capacity_) return INT64_MAX;
  return window_began_ + options_.adapt_every.count();
}

bool stack_depot::trim(deadline until) noexcept {
  bool more;
  while ((more = trim_slice()) && !until.expired()) {}
  unfinished_.store(more, std::memory_order_relaxed);
  return more;
}

/// One step towards the state that trim() wants; false: it is reached.
bool stack_depot::trim_slice() noexcept {
  if (release_some()) return true;
  // What is left of the warm set; small classes first.
  std::size_t keep = warm_.load(std::memory_order_relaxed);
  lock_.lock();
  for (std::size_t i = 0; i < stack_classes; ++i) {
    // Arenas that must stay anyway keep the warm stacks, so that the others can go. Of these, one stays for
    // the warm stacks that are left over, and more only if they are full of them: an arena costs 128 bytes
    // per carved stack.
    bool spare = false;
    for (const bool in_use : {true, false}) {
      for (stack_arena& arena : arenas_[i]) {
        if ((arena.outstanding() + arena.cleaning() != 0) != in_use) continue;
        const std::size_t kept = std::min(keep, arena.dirty());
        if (!in_use && (kept == 0 || (spare && kept < arena.carved() / 8))) {
          retire(arena);
          lock_.unlock();
          return true;
        }
        spare |= !in_use;
        keep -= kept;
        if (arena.dirty() > kept) {
          clean_some(arena, arena.dirty() - kept);  // unlocks
          return true;
        }
      }
    }
  }
  lock_.unlock();
  return false;
}

/// Under the lock, for an arena of which no stack is out.
void stack_depot::retire(stack_arena& arena) noexcept {
  dirty_.store(dirty_.load(std::memory_order_relaxed) - arena.dirty(), std::memory_order_relaxed);
  arenas_count_.store(arenas_count_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  arena.unlink();
  dying_.push_back(arena);
}

/// Entered with the lock, left without. Stacks that are being cleaned keep their arena from going.
void stack_depot::clean_some(stack_arena& arena, std::size_t surplus) noexcept {
  stack_arena::run_list runs;
  const std::size_t before = arena.dirty();
  const std::size_t count = arena.begin_cleaning(surplus, runs);
  dirty_.store(dirty_.load(std::memory_order_relaxed) - (before - arena.dirty()), std::memory_order_relaxed);
  lock_.unlock();
  for (std::size_t i = 0; i < count; ++i) arena.clean(runs[i]);
  const std::lock_guard hold{lock_};
  arena.end_cleaning(runs, count);
}

/// Unmaps a part of an arena that is on its way out; false if there is none.
bool stack_depot::release_some() noexcept {
  stack_arena* arena;
  {
    const std::lock_guard hold{lock_};
    arena = dying_.pop_front();
  }
  if (arena == nullptr) return false;
  if (!arena->release()) {
    const std::lock_guard hold{lock_};
    dying_.push_front(*arena);
  }
  return true;
}

stack_depot::census stack_depot::count() noexcept {
  census all;
  const std::lock_guard hold{lock_};
  for (std::size_t i = 0; i < stack_classes; ++i) {
    class_census& c = all.by_class[i];
    for (const stack_arena& arena : arenas_[i]) {
      c.in_use += arena.outstanding();
      c.warm += arena.dirty();
      c.cold += arena.free() - arena.dirty() + arena.cleaning();
      c.mapped += arena.bytes();
      ++c.arenas;
    }
    c.high_water = high_water_of_class_[i];
    for (const stack_cache& cache : caches_) {
      const std::size_t cached =
          std::min<std::size_t>(cache.shelves_[i].count.load(std::memory_order_relaxed), c.in_use);
      c.in_use -= cached;
      c.warm += cached;
    }
    all.in_use += c.in_use;
    all.warm += c.warm;
    all.cold += c.cold;
    all.mapped += c.mapped;
    all.arenas += c.arenas;
  }
  for (const stack_arena& arena : dying_) all.mapped += arena.bytes();
  all.kept = warm_.load(std::memory_order_relaxed);
  all.capacity = capacity_;
  all.high_water = high_water_;
  all.batches = batches_;
  all.refused = refused_;
  return all;
}

// --- stack_cache

stack_cache::stack_cache(stack_depot& depot) noexcept : depot_{depot} {
  const std::lock_guard hold{depot_.lock_};
  depot_.caches_.push_back(*this);
}

stack_cache::~stack_cache() {
  for (std::size_t i = 0; i < stack_classes; ++i)
    give_back(class_at(i), shelves_[i].count.load(std::memory_order_relaxed));
  const std::lock_guard hold{depot_.lock_};
  unlink();
}

std::byte* stack_cache::take_slow(stack_class c) noexcept {
  shelf& s = shelves_[static_cast<std::size_t>(c)];
  const auto got = static_cast<std::uint32_t>(depot_.take(c, s.stacks.data(), batch(c)));
  if (got == 0) return nullptr;
  s.count.store(got, std::memory_order_relaxed);
  return take(c);
}

void stack_cache::give_slow(stack_class c, std::byte* base) noexcept {
  shelf& s = shelves_[static_cast<std::size_t>(c)];
  if (depot_.canaries_.load(std::memory_order_relaxed)) depot_.check_canary(c, base);
  if (s.count.load(std::memory_order_relaxed) == capacity(c)) give_back(c, batch(c));
  const std::uint32_t n = s.count.load(std::memory_order_relaxed);
  s.stacks[n] = base;
  s.count.store(n + 1, std::memory_order_relaxed);
}

/// Hands the `count` stacks that were used longest ago to the depot.
void stack_cache::give_back(stack_class c, std::uint32_t count) noexcept {
  if (count == 0) return;
  shelf& s = shelves_[static_cast<std::size_t>(c)];
  depot_.give(c, s.stacks.data(), count);
  const std::uint32_t n = s.count.load(std::memory_order_relaxed);
  std::copy(s.stacks.begin() + count, s.stacks.begin() + n, s.stacks.begin());
  s.count.store(n - count, std::memory_order_relaxed);
}

bool stack_cache::trim(deadline until) noexcept {
  std::size_t cached = 0;
  for (const shelf& s : shelves_) cached += s.count.load(std::memory_order_relaxed);
  if (!depot_.worth_trimming(cached)) return false;
  for (std::size_t i = 0; i < stack_classes; ++i)
    give_back(class_at(i), shelves_[i].count.load(std::memory_order_relaxed));
  return depot_.trim(until);
}

}  // namespace weft::detail
