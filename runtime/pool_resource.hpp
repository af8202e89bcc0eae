// Small objects for the containers of std::pmr: from pools of blocks of 64 bytes to 4 KiB, by fibers and
// threads alike, without a locked instruction.
//
// Ten sizes, each a pool with a cache per thread; what is larger, or aligned to more than 64, comes from
// upstream. An object begins on a cache line and has its lines to itself. Meant to be few in a program and to
// live long: a resource is some 25 KiB of tables.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <utility>

#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/bounded_blocks.hpp>
#include <weft/runtime/pool_options.hpp>

namespace weft {

/// All memory must be back before it goes; that some is not is an assertion.
class pool_resource final : public std::pmr::memory_resource {
 public:
  /// What is larger comes from upstream.
  static constexpr std::size_t small_max = 4096;

  /// `options.limit` is for each size. With exhaustion::wait, allocate() waits at the limit, and is then a
  /// cancellation point; a wait that ends so, and a refusal, throw std::bad_alloc.
  explicit pool_resource(const pool_options& options = {.name = "pool_resource",
                                                        .limit = SIZE_MAX,
                                                        .exhausted = exhaustion::refuse},
                         std::pmr::memory_resource* upstream = std::pmr::new_delete_resource())
      : pool_resource{options, upstream, std::make_index_sequence<sizes.size()>{}} {}

  /// Of all sizes together. Safe from any fiber or thread.
  pool_stats stats() noexcept;

  /// Gives memory that is not needed back to the kernel. Idle workers do it anyway. Safe from any fiber or
  /// thread.
  void trim() noexcept;

 private:
  static constexpr std::array<std::uint16_t, 10> sizes{64, 128, 192, 256, 384, 512, 768, 1024, 2048, 4096};

  template <std::size_t... I>
  pool_resource(const pool_options& options, std::pmr::memory_resource* upstream, std::index_sequence<I...>)
      : upstream_{upstream}, blocks_{detail::bounded_blocks{sizes[I], options}...} {}

  /// The index of the smallest size that holds so many cache lines.
  static constexpr std::array<std::uint8_t, small_max / detail::cache_line + 1> size_of_lines = [] {
    std::array<std::uint8_t, small_max / detail::cache_line + 1> table{};
    std::uint8_t size = 0;
    for (std::size_t lines = 0; lines < table.size(); ++lines) {
      if (lines * detail::cache_line > sizes[size]) ++size;
      table[lines] = size;
    }
    return table;
  }();

  static bool is_small(std::size_t bytes, std::size_t alignment) noexcept {
    return bytes <= small_max && alignment <= detail::cache_line;
  }
  detail::bounded_blocks& blocks_for(std::size_t bytes) noexcept {
    return blocks_[size_of_lines[(bytes + detail::cache_line - 1) / detail::cache_line]];
  }

  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::pmr::memory_resource* const upstream_;
  std::array<detail::bounded_blocks, sizes.size()> blocks_;
};

}  // namespace weft
