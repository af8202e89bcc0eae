// How much one consumer may hold of its worker's receive buffers, and how much it holds.
//
// Who holds nothing may always take one. Who holds some may take more only up to a number, while a quarter of
// the buffers is free, and for a time: who has come again and again and never with empty hands is slow, and
// receives into its own memory from then on, until it has given all back. So a slow consumer keeps a few
// buffers of many, and the others theirs.
//
// Taking is its receiver's, one at a time; giving back, anyone's, wherever a lease ends. Each has a count of
// its own, so that to take costs no locked instruction.
#pragma once

#include <chrono>
#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/atomic.hpp>

namespace weft::detail {
class provided_buffers;
}

namespace weft::io {

struct lease_limits {
  std::uint32_t leases_max = 4;  // 16 KiB, as much as a connection has of its own. A guess
  /// How long it may go on taking while it holds some, from the first time that it did. A guess.
  std::chrono::nanoseconds held_max = std::chrono::milliseconds{100};
};

/// One per stream that is read so: whoever reads it names it. Outlives its leases.
class lessee {
 public:
  explicit lessee(const lease_limits& limits = {}) noexcept : limits_{limits} {}
  lessee(const lessee&) = delete;
  ~lessee() { WEFT_ASSERT(held() == 0u, "a lease outlives its lessee"); }

  // The rest is for weft itself.

  /// Whether it may take one more. By the receiver, on the worker of `from`.
  bool may_take(detail::provided_buffers& from) noexcept {
    if (held() == 0) [[likely]] {
      holding_since_ = 0;
      return true;
    }
    return may_take_more(from);
  }

  /// By the receiver.
  void took() noexcept { ++taken_; }
  /// The last touch of a lease: this may be gone afterwards. From any thread.
  void gave() noexcept { given_.fetch_add(1, std::memory_order_release); }

  /// By the receiver, or whoever knows that nobody receives.
  std::uint32_t held() const noexcept { return taken_ - given_.load(std::memory_order_acquire); }

 private:
  bool may_take_more(detail::provided_buffers& from) noexcept;

  const lease_limits limits_;
  std::uint32_t taken_ = 0;         // wraps around, as given_ does
  std::int64_t holding_since_ = 0;  // when it first came with something in hand; 0: not now
  detail::atomic<std::uint32_t> given_{0};
};

}  // namespace weft::io
