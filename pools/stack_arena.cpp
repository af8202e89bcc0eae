// Bitmaps of 64 stacks a word; an arena of 1 GiB has 256 words for the default class.
#include <weft/pools/stack_arena.hpp>

#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include <sys/mman.h>
#include <unistd.h>

#include <weft/pools/numa.hpp>
#include <weft/pools/sanitizer.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t word_bits = 64;

// What release() unmaps at a time: if every stack had a page, 4 MiB of memory and 128 KiB of page tables.
constexpr std::size_t release_slice = 64 * mib;

/// `bytes` of address space that begin at a multiple of stack_chunk; nullptr if there is none.
///
/// The exact size is tried first: arenas then lie side by side, and the kernel merges them into one VMA.
std::byte* reserve(std::size_t bytes) noexcept {
  constexpr int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const exact = mmap(nullptr, bytes, PROT_NONE, flags, -1, 0);
  if (exact == MAP_FAILED) return nullptr;
  if (reinterpret_cast<std::uintptr_t>(exact) % stack_chunk == 0) return static_cast<std::byte*>(exact);
  munmap(exact, bytes);
  void* const wide = mmap(nullptr, bytes + stack_chunk, PROT_NONE, flags, -1, 0);
  if (wide == MAP_FAILED) return nullptr;
  const std::size_t before =
      (stack_chunk - reinterpret_cast<std::uintptr_t>(wide) % stack_chunk) % stack_chunk;
  auto* const begin = static_cast<std::byte*>(wide) + before;
  if (before != 0) munmap(wide, before);
  munmap(begin + bytes, stack_chunk - before);
  return begin;
}

}  // namespace

stack_arena* stack_arena::map(stack_class size, std::size_t bytes, std::optional<unsigned> node) noexcept {
  const std::size_t words = (bytes / stride(size) + word_bits - 1) / word_bits;
  std::byte* const begin = reserve(bytes);
  if (begin == nullptr) return nullptr;
  // Huge pages would make each touched stack cost 64 KiB and more. Advised once, so that all arenas share the
  // VMA's flags.
  madvise(begin, bytes, MADV_NOHUGEPAGE);
  // Refused, pages still come from where the thread runs that touches them first.
  if (node) static_cast<void>(prefer_node(begin, bytes, *node));
  auto* const bits = static_cast<std::uint64_t*>(std::calloc(2 * words, sizeof(std::uint64_t)));
  stack_arena* arena = nullptr;
  if (bits != nullptr && prepare_chunks(begin, bytes))
    arena = new (std::nothrow) stack_arena{size, begin, bytes, bits};
  if (arena == nullptr) {
    std::free(bits);
    munmap(begin, bytes);
  }
  return arena;
}

stack_arena::stack_arena(stack_class size, std::byte* begin, std::size_t bytes, std::uint64_t* bits) noexcept
    : size_{size}, begin_{begin}, bytes_{bytes}, free_bits_{bits} {
  const std::size_t words = (bytes / stride(size) + word_bits - 1) / word_bits;
  dirty_bits_ = bits + words;
}

std::size_t stack_arena::take(bool dirty, std::byte** out, std::size_t max) noexcept {
  std::size_t taken = 0;
  const std::size_t words = (carved_ + word_bits - 1) / word_bits;
  bool seen_free = false;
  for (std::size_t w = search_from_; w < words && taken < max && (dirty ? dirty_ : free_ - dirty_) != 0;
       ++w) {
    std::uint64_t bits = dirty ? dirty_bits_[w] : free_bits_[w] & ~dirty_bits_[w];
    while (bits != 0 && taken < max) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(bits));
      const std::uint64_t mask = bits & (~bits + 1);
      bits ^= mask;
      free_bits_[w] ^= mask;
      dirty_bits_[w] &= ~mask;
      --free_;
      if (dirty) --dirty_;
      out[taken++] = stride_of(w * word_bits + bit) + guard(size_);
    }
    if (free_bits_[w] != 0) seen_free = true;
    else if (!seen_free) search_from_ = w + 1;
  }
  return taken;
}

void stack_arena::set_free(std::size_t first, std::size_t count) noexcept {
  for (std::size_t i = first; i < first + count; ++i)
    free_bits_[i / word_bits] |= std::uint64_t{1} << i % word_bits;
  free_ += count;
  if (first / word_bits < search_from_) search_from_ = first / word_bits;
}

void stack_arena::give(const std::byte* base) noexcept {
  const std::size_t index = index_of(base);
  const std::uint64_t mask = std::uint64_t{1} << index % word_bits;
  WEFT_ASSERT((free_bits_[index / word_bits] & mask) == 0u, "a stack was given back twice");
  set_free(index, 1);
  dirty_bits_[index / word_bits] |= mask;
  ++dirty_;
}

void stack_arena::give_clean(const std::byte* lowest_base, std::size_t count) noexcept {
  if (count != 0) set_free(index_of(lowest_base) - (count - 1), count);
}

std::byte* stack_arena::carve() noexcept {
  if (carved_ * stride(size_) == bytes_) return nullptr;
  std::byte* const chunk = begin_ + bytes_ - carved_ * stride(size_) - stack_chunk;
  if (mprotect(chunk, stack_chunk, PROT_READ | PROT_WRITE) != 0) return nullptr;
  carved_ += stacks_per_chunk(size_);
  return chunk;
}

guard_kind stack_arena::guard_chunk(std::byte* chunk, guard_kind best, std::size_t mprotect_max) noexcept {
  const std::size_t count = stacks_per_chunk(size_);
  const auto install = [&](guard_kind kind) {
    return install_guards(kind, chunk, guard(size_), stride(size_), count);
  };
  guard_kind kind = guard_kind::canary;
  if (best == guard_kind::page_table && install(guard_kind::page_table)) {
    kind = guard_kind::page_table;
  } else if (best != guard_kind::canary && charge_mprotect_guards(count, mprotect_max)) {
    if (install(guard_kind::mprotect)) kind = guard_kind::mprotect;
    else refund_mprotect_guards(count);
  }
  enter_chunk(chunk, chunk_entry{*this, size_, kind});
  return kind;
}

std::size_t stack_arena::begin_cleaning(std::size_t max, run_list& runs) noexcept {
  std::size_t count = 0;
  std::size_t left = max < run_stacks_max ? max : run_stacks_max;
  for (std::size_t w = (carved_ + word_bits - 1) / word_bits; w-- > 0 && left != 0 && dirty_ != 0;) {
    while (dirty_bits_[w] != 0 && left != 0) {
      const auto bit = word_bits - 1 - static_cast<std::size_t>(std::countl_zero(dirty_bits_[w]));
      const auto index = static_cast<std::uint32_t>(w * word_bits + bit);
      if (count != 0 && runs[count - 1].first == index + 1) {
        runs[count - 1].first = index;
        ++runs[count - 1].count;
      } else if (count < runs_max) {
        runs[count++] = {index, 1};
      } else {
        return count;
      }
      const std::uint64_t mask = std::uint64_t{1} << bit;
      free_bits_[w] ^= mask;
      dirty_bits_[w] ^= mask;
      --free_, --dirty_, --left;
      ++cleaning_;
    }
  }
  return count;
}

void stack_arena::clean(run r) const noexcept {
  // Guards stay: MADV_DONTNEED leaves a marker in the page table alone, and a canary's range reads as zero
  // again. Where a page is larger than a stride, it holds more than one stack and stays.
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  if (stride(size_) % page == 0)
    madvise(stride_of(r.first + r.count - 1), r.count * stride(size_), MADV_DONTNEED);
}

void stack_arena::end_cleaning(const run_list& runs, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    set_free(runs[i].first, runs[i].count);
    cleaning_ -= runs[i].count;
  }
}

bool stack_arena::release() noexcept {
  const std::size_t slice = bytes_ < release_slice ? bytes_ : release_slice;
  std::byte* const part = begin_;
  for (std::byte* chunk = part; chunk != part + slice; chunk += stack_chunk) {
    const chunk_entry entry = find_chunk(chunk);
    if (!entry.has_stacks()) continue;
    unpoison(chunk, stack_chunk);
    if (entry.guards() == guard_kind::mprotect) refund_mprotect_guards(stacks_per_chunk(size_));
    enter_chunk(chunk, chunk_entry{});
  }
  // Refused when cutting a VMA in two would be one too many: the range is lost then, but not its memory.
  if (munmap(part, slice) != 0) madvise(part, slice, MADV_DONTNEED);
  begin_ += slice;
  bytes_ -= slice;
  if (bytes_ != 0) return false;
  std::free(free_bits_);
  delete this;
  return true;
}

}  // namespace weft::detail
