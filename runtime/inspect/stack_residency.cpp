#include <weft/runtime/inspect/stack_residency.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/mman.h>
#include <unistd.h>

namespace weft::detail {

std::size_t resident_bytes(const std::byte* base, stack_class size) noexcept {
  static const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  constexpr std::size_t pages_at_once = 64;  // a byte each, on a stack that may be full
  const std::size_t all = usable(size);
  if (all <= page) return all;
  const int saved = errno;
  std::array<unsigned char, pages_at_once> present;
  for (std::size_t at = 0; at < all; at += pages_at_once * page) {
    const std::size_t bytes = std::min(all - at, pages_at_once * page);
    if (mincore(const_cast<std::byte*>(base) + at, bytes, present.data()) != 0) {
      errno = saved;
      return 0;
    }
    for (std::size_t i = 0; i < bytes / page; ++i)
      if ((present[i] & 1) != 0) return all - at - i * page;
  }
  return 0;
}

}  // namespace weft::detail
