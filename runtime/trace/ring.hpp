// The newest records of one thread: it alone writes, and overwrites the oldest; anyone reads meanwhile.
//
// Each slot has a sequence number, odd while it is written: 2n + 1 while record n goes in, 2n + 2 from then
// on. A reader takes a copy and keeps it if the number was the right one before and after. The writer never
// waits, and what it pays beyond its stores is nothing on x86-64. All words are atomic, so a torn read is a
// value that is thrown away, and no data race. Source: Boehm, "Can seqlocks get along with programming
// language memory models?", 2012.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/trace/record.hpp>

namespace weft::trace::detail {

class ring {
 public:
  /// Has room for so many records, rounded up to a power of two.
  explicit ring(std::size_t records)
      : mask_{std::bit_ceil(records) - 1}, slots_{std::make_unique<slot[]>(mask_ + 1)} {}

  /// The owner only. Cost: 4 to 15 stores.
  void write(const record& r) noexcept {
    const auto words = std::bit_cast<std::array<std::uint64_t, words_max>>(r);
    const std::size_t used = head_words + (r.length + 7u) / 8;
    const std::uint64_t n = written_.load(std::memory_order_relaxed);
    slot& s = slots_[n & mask_];
    s.sequence.store(2 * n + 1, std::memory_order_relaxed);
    weft::detail::fence(std::memory_order_release);
    for (std::size_t i = 0; i < used; ++i) s.words[i].store(words[i], std::memory_order_relaxed);
    s.sequence.store(2 * n + 2, std::memory_order_release);
    written_.store(n + 1, std::memory_order_release);
  }

  /// Appends what is there, oldest first and without a gap. Returns how many came before that and are lost.
  /// Safe from any thread.
  std::uint64_t read(std::vector<record>& into) const;

  /// How many were ever written.
  std::uint64_t written() const noexcept { return written_.load(std::memory_order_acquire); }
  std::size_t capacity() const noexcept { return mask_ + 1; }

 private:
  static constexpr std::size_t words_max = sizeof(record) / 8;
  static constexpr std::size_t head_words = offsetof(record, tail) / 8;

  struct alignas(2 * weft::detail::cache_line) slot {
    weft::detail::atomic<std::uint64_t> sequence{0};
    std::array<weft::detail::atomic<std::uint64_t>, words_max> words{};
  };

  bool copy(std::uint64_t n, record& to) const noexcept;

  const std::size_t mask_;
  const std::unique_ptr<slot[]> slots_;
  weft::detail::atomic<std::uint64_t> written_{0};
};

}  // namespace weft::trace::detail
