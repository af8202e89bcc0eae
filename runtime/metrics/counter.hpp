// Numbers that one thread counts and any thread may read meanwhile, a little late: without a locked
// instruction, because only the owner writes. A copy is what it was at that moment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

class counter {
 public:
  constexpr counter(std::uint64_t value = 0) noexcept : value_{value} {}
  counter(const counter& other) noexcept : value_{other.value_.get()} {}
  counter& operator=(const counter& other) noexcept {
    value_.set(other.value_.get());
    return *this;
  }

  WEFT_ALWAYS_INLINE counter& operator+=(std::uint64_t more) noexcept {
    value_.add(more);
    return *this;
  }
  WEFT_ALWAYS_INLINE counter& operator-=(std::uint64_t less) noexcept {
    value_.add(std::uint64_t{0} - less);
    return *this;
  }
  WEFT_ALWAYS_INLINE counter& operator++() noexcept { return *this += 1; }
  WEFT_ALWAYS_INLINE counter& operator--() noexcept { return *this -= 1; }

  operator std::uint64_t() const noexcept { return value_.get(); }

 private:
  exposed<std::uint64_t> value_;
};

/// How often something had which size, by powers of two: place i counts what is at most 2^i and not in the
/// place before, the last one all the rest. 0 counts as 1.
template <std::size_t Places>
class size_counts {
 public:
  WEFT_ALWAYS_INLINE void record(std::uint64_t size) noexcept {
    ++places_[std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(size - (size != 0))),
                                    Places - 1)];
  }

  /// Adds them to as many numbers.
  void add_to(std::array<std::uint64_t, Places>& all) const noexcept {
    for (std::size_t i = 0; i < Places; ++i) all[i] += places_[i];
  }

 private:
  std::array<counter, Places> places_{};
};

}  // namespace weft::detail
