// A large range of address space from which the stacks of one class are carved, chunk by chunk.
//
// The range is reserved without access, so that it costs nothing under any overcommit policy, and made
// accessible by chunks of 2 MiB from its upper end down. The kernel too hands out addresses downwards, so a
// chunk extends the VMA of the arena that was used up before, and all arenas are few VMAs: two that both hold
// pages would never merge. Stacks count from the top.
//
// Which stacks are free, and which of these may still hold pages (`dirty`), stands in two bitmaps beside the
// arena, never in the stacks: the memory of a free stack may be that of a fiber that is just ending on it.
// The first free stack goes out first, a dirty one before a clean one, so that use stays dense and whole
// arenas fall empty.
//
// Everything here but guard_chunk() and release() is called under the lock of the depot that owns the arena.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include <weft/pools/arena_map.hpp>
#include <weft/pools/guard.hpp>
#include <weft/pools/stack_class.hpp>
#include <weft/runtime/base/intrusive_list.hpp>

namespace weft::detail {

class alignas(chunk_entry::alignment) stack_arena : public list_node {
 public:
  /// Stacks that lie beside each other.
  struct run {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  /// Runs whose pages are given back in one go: what one slice of trimming may take, about a millisecond.
  static constexpr std::size_t runs_max = 32;
  static constexpr std::uint32_t run_stacks_max = 1024;
  using run_list = std::array<run, runs_max>;

  /// Reserves `bytes`, a multiple of stack_chunk, whose pages come from `node` as long as that has any.
  /// nullptr: no address space, or no memory for the bookkeeping.
  static stack_arena* map(stack_class size, std::size_t bytes,
                          std::optional<unsigned> node = std::nullopt) noexcept;

  stack_arena(const stack_arena&) = delete;
  stack_arena& operator=(const stack_arena&) = delete;

  stack_class size() const noexcept { return size_; }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t carved() const noexcept { return carved_; }  // stacks that exist
  std::size_t free() const noexcept { return free_; }      // of these, here and ready
  std::size_t dirty() const noexcept { return dirty_; }    // of these, perhaps with pages
  std::size_t cleaning() const noexcept {
    return cleaning_;
  }  // here, between begin_cleaning() and end_cleaning()

  /// Stacks that somebody has: nothing of the arena may go while there are any.
  std::size_t outstanding() const noexcept { return carved_ - free_ - cleaning_; }

  /// Takes up to `max` free stacks, all dirty or all clean, and writes their bases to `out`.
  std::size_t take_dirty(std::byte** out, std::size_t max) noexcept { return take(true, out, max); }
  std::size_t take_clean(std::byte** out, std::size_t max) noexcept { return take(false, out, max); }

  /// Takes back a stack that was used.
  void give(const std::byte* base) noexcept;

  /// Makes the next chunk accessible and hands its stacks, unguarded as yet, to the caller. nullptr: the
  /// arena is used up, or the kernel refuses.
  std::byte* carve() noexcept;

  /// Guards the stacks of a carved chunk, with `best` or what else can be had, and enters them in the map.
  /// Without the lock.
  guard_kind guard_chunk(std::byte* chunk, guard_kind best, std::size_t mprotect_max) noexcept;

  /// Takes back stacks of a fresh chunk, side by side, that were never used.
  void give_clean(const std::byte* lowest_base, std::size_t count) noexcept;

  /// Takes up to `max` dirty stacks out, the last first, to have their pages freed; returns how many runs
  /// they make.
  std::size_t begin_cleaning(std::size_t max, run_list& runs) noexcept;

  /// Frees the pages of a run. Without the lock.
  void clean(run r) const noexcept;

  /// Puts the stacks back, which are clean now.
  void end_cleaning(const run_list& runs, std::size_t count) noexcept;

  /// Unmaps the next part of an arena that nobody uses or can find any more, a few milliseconds' worth; true
  /// once all is gone, and so is this object. Without the lock.
  bool release() noexcept;

 private:
  stack_arena(stack_class size, std::byte* begin, std::size_t bytes, std::uint64_t* bits) noexcept;
  ~stack_arena() = default;

  std::size_t take(bool dirty, std::byte** out, std::size_t max) noexcept;
  void set_free(std::size_t first, std::size_t count) noexcept;

  std::size_t index_of(const std::byte* base) const noexcept {
    return static_cast<std::size_t>(begin_ + bytes_ - base) / stride(size_);
  }
  /// Where the stride of a stack begins.
  std::byte* stride_of(std::size_t index) const noexcept {
    return begin_ + bytes_ - (index + 1) * stride(size_);
  }

  stack_class size_;
  std::byte* begin_;
  std::size_t bytes_;
  std::size_t carved_ = 0;
  std::size_t free_ = 0;
  std::size_t dirty_ = 0;
  std::size_t cleaning_ = 0;
  std::size_t search_from_ = 0;  // no word of free_bits_ below has a bit set
  std::uint64_t* free_bits_;     // one bit per stack
  std::uint64_t* dirty_bits_;    // a subset of the former
};

}  // namespace weft::detail
