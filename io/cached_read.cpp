#include <weft/io/cached_read.hpp>

#include <sys/uio.h>

#include <weft/io/perform.hpp>

namespace weft::detail {

cached_part read_cached(int fd, std::span<std::byte> into, std::int64_t offset) noexcept {
  cached_part found;
  for (;;) {
    const iovec rest{into.data() + found.bytes, into.size() - found.bytes};
    const ssize_t n = ::preadv2(fd, &rest, 1, offset + static_cast<std::int64_t>(found.bytes), RWF_NOWAIT);
    if (n < 0) return found;
    found.bytes += static_cast<std::size_t>(n);
    found.to_the_end = n == 0 || found.bytes == into.size();
    if (found.to_the_end) return found;
  }
}

void count_immediate_read() noexcept {
  if (fiber* const self = current_fiber()) count_immediate_completion(*self);
}

}  // namespace weft::detail
