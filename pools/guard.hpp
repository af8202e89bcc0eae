// What lies below a stack and stops it from running into its neighbour.
//
// The best guard is a marker in the page table (MADV_GUARD_INSTALL, Linux 6.13): it costs no VMA, so there
// may be millions. A page without access (mprotect) costs two VMAs, of which a process has 65,530 by default.
// Where neither is to be had, the guard's range stays accessible and untouched: it reads as zero until
// something has overflown into it, and is looked at when the stack comes back. Such a canary costs no memory,
// but tells only afterwards, and only of what is not zero.
//
// A guard that traps counts only if a trial shows it: read(2) into it must give EFAULT. Emulators accept the
// advice, answer 0, and guard nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weft {

/// From best to worst.
enum class guard_kind : std::uint8_t { page_table, mprotect, canary };

namespace detail {

/// "page_table", "mprotect", "canary".
constexpr const char* name(guard_kind kind) noexcept {
  switch (kind) {
    case guard_kind::page_table: return "page_table";
    case guard_kind::mprotect: return "mprotect";
    default: return "canary";
  }
}

/// Whether a guard of that kind traps on this machine, now: mlockall(MCL_FUTURE) forbids page_table. A canary
/// always "works".
///
/// Cost       about ten system calls.
bool guard_works(guard_kind kind) noexcept;

/// Makes guards of `kind` of the `bytes` at `first`, at `first + step`, ... `count` of them; `kind` may not
/// be canary. All or none: false leaves them accessible, and reading as zero.
[[nodiscard]] bool install_guards(guard_kind kind, std::byte* first, std::size_t bytes, std::size_t step,
                                  std::size_t count) noexcept;

/// How many mprotect guards the process may have, so that half of what vm.max_map_count leaves is the
/// program's own.
std::size_t mprotect_guards_max() noexcept;

/// Counts `count` guards against `max` for the whole process. False, and nothing counted: there would be
/// more.
///
/// Safe from  any thread.
[[nodiscard]] bool charge_mprotect_guards(std::size_t count, std::size_t max) noexcept;

/// Takes charged guards back, once they are unmapped.
void refund_mprotect_guards(std::size_t count) noexcept;

/// How much of a canary is looked at: what an overflow writes first, in which one frame's return address
/// nearly always lies.
inline constexpr std::size_t canary_bytes = 256;

/// Whether the canary at the upper end of the guard range below `base` is untouched.
bool canary_intact(const std::byte* base) noexcept;

}  // namespace detail
}  // namespace weft
