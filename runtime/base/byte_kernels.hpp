// Copying, comparing, mixing and searching bytes with the widest vectors of this processor.
//
// Which variant runs is chosen once, when the program starts: the best that the processor has and the kernel
// saves (cpu_features.hpp), or the one that the environment variable WEFT_SIMD names: scalar, sse2, sse42,
// avx2, avx512bw, neon. All variants give the same answers, and none touches a byte outside of what it is
// given. A call goes through one pointer.
//
// memchr and memcmp are as fast for long data; what they do not have is a set of bytes to find, a key, and
// an answer of "different" without an order.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/byte_kernel_table.hpp>
#include <weft/runtime/base/byte_set.hpp>
#include <weft/runtime/base/byte_view.hpp>
#include <weft/runtime/base/cpu_features.hpp>
#include <weft/runtime/base/simd_level.hpp>

namespace weft {
namespace detail {

/// What was chosen, and why it is not what WEFT_SIMD asked for.
struct byte_kernel_choice {
  const byte_kernel_table* table = &byte_kernels_scalar;
  std::string_view refused{};  // a sentence; empty if WEFT_SIMD is not set, or was followed
};

/// A pure function of its arguments; `wanted` is what WEFT_SIMD says, or empty.
byte_kernel_choice choose_byte_kernels(std::string_view wanted, const cpu_features& here) noexcept;

/// What this process has chosen.
const byte_kernel_choice& chosen_byte_kernels() noexcept;

/// Set once, while static objects are made; right before, too. No lock: there is one thread then.
extern const byte_kernel_table* byte_kernels;

inline const std::uint8_t* raw(const std::byte* bytes) noexcept {
  return reinterpret_cast<const std::uint8_t*>(bytes);
}
inline std::uint8_t* raw(std::byte* bytes) noexcept { return reinterpret_cast<std::uint8_t*>(bytes); }

}  // namespace detail

namespace simd {

/// The variant that runs.
inline level in_use() noexcept { return detail::byte_kernels->level; }

/// Why WEFT_SIMD was not followed, in one sentence; empty if it was, or is not set.
inline std::string_view refused() noexcept { return detail::chosen_byte_kernels().refused; }

/// Copies `from` to the beginning of `to`, which has room for it. They do not overlap.
inline void copy(std::span<std::byte> to, byte_view from) noexcept {
  WEFT_ASSERT(from.size() <= to.size(), "copied to where there is no room");
  detail::byte_kernels->copy(detail::raw(to.data()), detail::raw(from.data()), from.size());
}

/// Whether both have the same length and the same bytes. The time depends on where they differ: not for
/// secrets.
inline bool equal(byte_view a, byte_view b) noexcept {
  return a.size() == b.size() &&
         detail::byte_kernels->equal(detail::raw(a.data()), detail::raw(b.data()), a.size());
}

/// Whether `text` begins with `beginning`.
inline bool starts_with(byte_view text, byte_view beginning) noexcept {
  return text.size() >= beginning.size() && equal(text.first(beginning.size()), beginning);
}

/// to[i] ^= from[i] for each byte of `from`. They are the same bytes, or do not overlap.
inline void xor_into(std::span<std::byte> to, byte_view from) noexcept {
  WEFT_ASSERT(from.size() <= to.size(), "more bytes than there are to be changed");
  detail::byte_kernels->xor_into(detail::raw(to.data()), detail::raw(from.data()), from.size());
}

/// data[i] ^= key[(offset + i) % 4]: masks or unmasks, in place, the part of a WebSocket message that begins
/// `offset` bytes after its first byte. Twice is as before.
///
/// Source     RFC 6455, section 5.3.
inline void xor_into(std::span<std::byte> data, std::array<std::byte, 4> key,
                     std::size_t offset = 0) noexcept {
  const std::array<std::byte, 4> turned{key[offset % 4], key[(offset + 1) % 4], key[(offset + 2) % 4],
                                        key[(offset + 3) % 4]};
  detail::byte_kernels->xor_key(detail::raw(data.data()), data.size(), std::bit_cast<std::uint32_t>(turned));
}

/// The index of the first byte that is `what`; in.size() if there is none.
inline std::size_t find_byte(byte_view in, std::byte what) noexcept {
  return detail::byte_kernels->find_byte(detail::raw(in.data()), in.size(),
                                         std::to_integer<std::uint8_t>(what));
}

/// The index of the first byte that is in the set; in.size() if there is none. Make the set constexpr. The
/// end of a run of such bytes is find_any_of(in, ~members).
///
/// Cost       does not depend on how many members the set has.
inline std::size_t find_any_of(byte_view in, const byte_set& set) noexcept {
  return detail::byte_kernels->find_any_of(detail::raw(in.data()), in.size(), set.rows());
}

}  // namespace simd
}  // namespace weft
