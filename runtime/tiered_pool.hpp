// Blocks of five sizes: 1, 4, 16 and 64 KiB, and 1 MiB. Who wants so many bytes gets the smallest block that
// holds them.
//
// Each size is a block_pool of its own, with its own limit: those who need much cannot starve those who need
// little, nor the other way round. A size that is used up does not borrow from the next.
#pragma once

#include <array>
#include <cstddef>

#include <weft/pools/pool_stats.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/block_pool.hpp>
#include <weft/runtime/pool_options.hpp>

namespace weft {

/// Options of each size, small to large.
struct tiered_pool_options {
  pool_options kib1{.name = "blocks of 1 KiB", .limit = 1000};
  pool_options kib4{.name = "blocks of 4 KiB", .limit = 256};
  pool_options kib16{.name = "blocks of 16 KiB", .limit = 128};
  pool_options kib64{.name = "blocks of 64 KiB", .limit = 64};
  pool_options mib1{.name = "blocks of 1 MiB", .limit = 16};
};

class tiered_pool {
 public:
  static constexpr std::size_t tiers = 5;
  static constexpr std::array<std::size_t, tiers> block_bytes{
      1 * detail::kib, 4 * detail::kib, 16 * detail::kib, 64 * detail::kib, 1 * detail::mib};

  explicit tiered_pool(const tiered_pool_options& options = {}) noexcept
      : pools_{block_pool{block_bytes[0], options.kib1}, block_pool{block_bytes[1], options.kib4},
               block_pool{block_bytes[2], options.kib16}, block_pool{block_bytes[3], options.kib64},
               block_pool{block_bytes[4], options.mib1}} {}

  /// Takes a block of at least so many bytes; more than 1 MiB is errc::limit. Otherwise as
  /// block_pool::acquire().
  [[nodiscard]] result<pooled_block> acquire(std::size_t bytes, deadline until = {}) {
    const std::size_t tier = tier_of(bytes);
    if (tier == tiers) return std::unexpected(errc::limit);
    return pools_[tier].acquire(until);
  }

  /// The same, if there is one. Errors: limit. Safe from any fiber or thread.
  [[nodiscard]] result<pooled_block> try_acquire(std::size_t bytes) noexcept {
    const std::size_t tier = tier_of(bytes);
    if (tier == tiers) return std::unexpected(errc::limit);
    return pools_[tier].try_acquire();
  }

  /// The pool of one size: 0 to tiers - 1.
  block_pool& tier(std::size_t i) noexcept { return pools_[i]; }

  /// Which size answers to so many bytes; tiers: none.
  static constexpr std::size_t tier_of(std::size_t bytes) noexcept {
    std::size_t i = 0;
    while (i < tiers && block_bytes[i] < bytes) ++i;
    return i;
  }

 private:
  std::array<block_pool, tiers> pools_;
};

}  // namespace weft
