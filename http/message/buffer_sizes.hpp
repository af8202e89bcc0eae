// The sizes of the blocks that the bytes of a server lie in: who takes one may use all of it.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include <weft/runtime/base/platform.hpp>

namespace weft::http::detail {

inline constexpr std::array<std::size_t, 7> buffer_sizes{
    1 * weft::detail::kib,  4 * weft::detail::kib,   16 * weft::detail::kib,  32 * weft::detail::kib,
    64 * weft::detail::kib, 256 * weft::detail::kib, 1024 * weft::detail::kib};

/// The size of the smallest block that holds so many bytes; what none holds is as large as it is.
constexpr std::size_t buffer_size(std::size_t bytes) noexcept {
  const auto* const size = std::ranges::lower_bound(buffer_sizes, bytes);
  return size == buffer_sizes.end() ? bytes : *size;
}

}  // namespace weft::http::detail
