#include <weft/runtime/trace/ring.hpp>

namespace weft::trace::detail {

// Whether record `n` was there and stayed while it was copied. The fence pairs with the writer's: who has
// read a word of a later record sees that record's number.
bool ring::copy(std::uint64_t n, record& to) const noexcept {
  const slot& s = slots_[n & mask_];
  if (s.sequence.load(std::memory_order_acquire) != 2 * n + 2) return false;
  std::array<std::uint64_t, words_max> words;
  for (std::size_t i = 0; i < words_max; ++i) words[i] = s.words[i].load(std::memory_order_relaxed);
  weft::detail::fence(std::memory_order_acquire);
  if (s.sequence.load(std::memory_order_relaxed) != 2 * n + 2) return false;
  to = std::bit_cast<record>(words);
  return true;
}

std::uint64_t ring::read(std::vector<record>& into) const {
  const std::uint64_t end = written_.load(std::memory_order_acquire);
  std::uint64_t first = end > capacity() ? end - capacity() : 0;
  const std::size_t before = into.size();
  into.reserve(before + static_cast<std::size_t>(end - first));
  for (std::uint64_t n = first; n != end; ++n) {
    record r;
    if (copy(n, r)) {
      into.push_back(r);
    } else {  // overwritten meanwhile, and so are all before it
      into.resize(before);
      first = n + 1;
    }
  }
  return first;
}

}  // namespace weft::trace::detail
