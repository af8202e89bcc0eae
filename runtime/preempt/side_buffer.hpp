// The memory of one side_buffers entry: a header, and room for what the kernel saved of the registers.
#pragma once

#include <cstddef>
#include <span>

#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

struct alignas(cache_line) side_buffer {
  side_buffer* next = nullptr;
  std::size_t size = 0;  // of room()

  std::byte* room() noexcept { return reinterpret_cast<std::byte*>(this + 1); }

  /// How much this processor may need; 0: it cannot be done here.
  static std::size_t wanted() noexcept;
};

}  // namespace weft::detail
