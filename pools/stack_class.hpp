// The sizes a fiber's stack comes in.
//
// A class is a stride of address space, guard included, and its stacks lie at multiples of that stride: where
// a stack begins follows from any address in it. Only the pages that a fiber touches cost memory, so even the
// default class costs 4 KiB for a fiber that does little.
//
//     stride:  | guard | usable ............. |
//                      ^ base                 ^ base + usable(c), where execution starts; it grows down
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/platform.hpp>

namespace weft {

/// Named by the stride, but for kib4, which is one usable page in a stride of two.
enum class stack_class : std::uint8_t { kib4, kib16, kib64, kib256, mib1 };

namespace detail {

inline constexpr std::size_t stack_classes = 5;

inline constexpr std::array<std::size_t, stack_classes> stack_strides{8 * kib, 16 * kib, 64 * kib, 256 * kib,
                                                                      1 * mib};

/// A wide guard costs no memory and stops a frame that would step over one page, so it is 16 KiB where there
/// is room.
inline constexpr std::array<std::size_t, stack_classes> stack_guards{4 * kib, 4 * kib, 16 * kib, 16 * kib,
                                                                     16 * kib};

/// Bytes from one stack of the class to the next.
constexpr std::size_t stride(stack_class c) noexcept { return stack_strides[static_cast<std::size_t>(c)]; }

/// Bytes below the stack that nobody may touch.
constexpr std::size_t guard(stack_class c) noexcept { return stack_guards[static_cast<std::size_t>(c)]; }

/// Bytes that a fiber may use.
constexpr std::size_t usable(stack_class c) noexcept { return stride(c) - guard(c); }

/// "kib4" ... "mib1".
constexpr const char* name(stack_class c) noexcept {
  constexpr std::array<const char*, stack_classes> names{"kib4", "kib16", "kib64", "kib256", "mib1"};
  return names[static_cast<std::size_t>(c)];
}

}  // namespace detail
}  // namespace weft
