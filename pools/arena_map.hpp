// From an address to the stack it lies in, for the handler of a stack overflow: no lock, two loads.
//
// One map for the process. It knows, for every 2 MiB chunk of address space, which class of stack was carved
// there, by what they are guarded, and which arena they belong to. Since stacks lie at multiples of their
// stride, that says everything. The map is a table of two levels: 256 Ki entries of 1 GiB each (2 MiB of
// .bss, of which only touched pages exist), and behind an entry 512 chunks, made on first use and kept for
// ever. So a reader never follows a pointer that could have been freed: find_stack() looks at the tag bits of
// an entry, and only the owner of a stack, whose arena cannot go away, at its pointer.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/pools/guard.hpp>
#include <weft/pools/stack_class.hpp>

namespace weft::detail {

class stack_arena;

/// What is carved, guarded and mapped at a time: the span of one page of page-table entries.
inline constexpr std::size_t stack_chunk = 2 * mib;

/// Stacks in a chunk.
constexpr std::size_t stacks_per_chunk(stack_class c) noexcept { return stack_chunk / stride(c); }

/// One chunk of the map: an arena, and in the low bits what is there. The default: no stacks.
class chunk_entry {
 public:
  constexpr chunk_entry() noexcept = default;
  explicit constexpr chunk_entry(std::uintptr_t bits) noexcept : bits_{bits} {}
  chunk_entry(const stack_arena& arena, stack_class size, guard_kind guards) noexcept
      : bits_{reinterpret_cast<std::uintptr_t>(&arena) | present | static_cast<std::uintptr_t>(size) << 1 |
              static_cast<std::uintptr_t>(guards) << 4} {}

  constexpr bool has_stacks() const noexcept { return (bits_ & present) != 0; }
  constexpr stack_class size() const noexcept { return static_cast<stack_class>(bits_ >> 1 & 7); }
  constexpr guard_kind guards() const noexcept { return static_cast<guard_kind>(bits_ >> 4 & 3); }
  constexpr std::uintptr_t bits() const noexcept { return bits_; }

  /// Only for who holds a stack of it.
  stack_arena* arena() const noexcept { return reinterpret_cast<stack_arena*>(bits_ & ~(alignment - 1)); }

  /// Of a stack_arena, so that the low bits are free.
  static constexpr std::uintptr_t alignment = 64;

 private:
  static constexpr std::uintptr_t present = 1;

  std::uintptr_t bits_ = 0;
};

/// The chunk that holds `address`. Safe from any thread, and in a signal handler.
chunk_entry find_chunk(const void* address) noexcept;

/// Makes room for the chunks of [begin, begin + bytes), so that enter_chunk() cannot fail. False: no memory.
[[nodiscard]] bool prepare_chunks(const std::byte* begin, std::size_t bytes) noexcept;

/// Says what is in the chunk at `chunk`. Safe from any thread, for chunks of its own arena.
void enter_chunk(const std::byte* chunk, chunk_entry entry) noexcept;

/// Where an address lies, if it lies in a stack or its guard.
struct stack_place {
  stack_class size = stack_class::kib64;
  std::byte* base = nullptr;  // lowest usable address
  bool in_guard = false;
  guard_kind guards = guard_kind::page_table;
};

/// Whether `address` lies in a stack of weft, of any runtime; then says which. The stack may be free at the
/// moment.
///
/// Safe from  any thread, and in a signal handler.
/// Cost       two loads.
bool find_stack(const void* address, stack_place& out) noexcept;

}  // namespace weft::detail
