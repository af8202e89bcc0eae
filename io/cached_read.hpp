// Reading what the kernel has in memory, without waiting for the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace weft::detail {

/// How far the page cache goes.
struct cached_part {
  std::size_t bytes = 0;
  bool to_the_end = false;  // there is no more to be read: all of it, or the end of the file
};

/// Fills `into` from `offset` as far as it can without a wait.
///
/// Cost       one system call; one more if the file, or the cache, ends before `into`.
cached_part read_cached(int fd, std::span<std::byte> into, std::int64_t offset) noexcept;

/// As count_immediate_completion(), if the caller is a fiber.
void count_immediate_read() noexcept;

}  // namespace weft::detail
