// One variant of the byte kernels: a function each, and the instruction set that they are written for.
//
// The sources of the variants are compiled for their own instruction set, so they include this header, their
// lanes and intrinsics, and use nothing of std that is not a type: an inline function of std compiled there
// could be the copy that the linker keeps for the whole program, and would fault on a lesser processor.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/simd_level.hpp>

namespace weft::detail {

/// No function reads or writes a byte outside of what it is given, at any alignment. byte_kernels.hpp says
/// what each does.
struct byte_kernel_table {
  simd::level level;
  void (*copy)(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept;
  bool (*equal)(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept;
  void (*xor_into)(std::uint8_t* to, const std::uint8_t* from, std::size_t n) noexcept;
  /// `key`: four bytes as they lie in memory; the first is for data[0].
  void (*xor_key)(std::uint8_t* data, std::size_t n, std::uint32_t key) noexcept;
  /// The index of the first, or n.
  std::size_t (*find_byte)(const std::uint8_t* in, std::size_t n, std::uint8_t what) noexcept;
  /// `rows`: those of a byte_set.
  std::size_t (*find_any_of)(const std::uint8_t* in, std::size_t n, const std::uint8_t* rows) noexcept;
};

extern const byte_kernel_table byte_kernels_scalar, byte_kernels_sse2, byte_kernels_sse42, byte_kernels_avx2,
    byte_kernels_avx512bw, byte_kernels_neon;

/// The variants that this architecture has, best last, with their number. Not all of them need run on this
/// processor.
struct byte_kernel_variants {
  const byte_kernel_table* const* first;
  std::size_t count;

  const byte_kernel_table* const* begin() const noexcept { return first; }
  const byte_kernel_table* const* end() const noexcept { return first + count; }
};
byte_kernel_variants all_byte_kernels() noexcept;

}  // namespace weft::detail
