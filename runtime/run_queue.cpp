#include <weft/runtime/run_queue.hpp>

#include <limits>

namespace weft::detail {

void run_queue::append(fiber& f) noexcept {
  leave_alone();
  list& l = lists_[f.level];
  f.next = nullptr;
  f.order = order_++;
  if (l.head == nullptr) l.head = &f;
  else l.tail->next = &f;
  l.tail = &f;
  ready_ |= 1u << f.level;
  ++count_;
}

// There will be others: the one that was alone goes before them.
void run_queue::leave_alone() noexcept {
  if (ready_ != alone) return;
  ready_ = 0;
  append(*only_);
}

void run_queue::offer(fiber& f) noexcept {
  leave_alone();
  f.order = order_++;
  ready_ |= 16u << f.level;
  list& waiting = overflow_[f.level];
  if (waiting.head == nullptr && rings_[f.level].push(f)) [[likely]]
    return;
  f.next = nullptr;
  if (waiting.head == nullptr) waiting.head = &f;
  else waiting.tail->next = &f;
  waiting.tail = &f;
  ++overflow_count_;
}

fiber* run_queue::pop_slow() noexcept {
  while (ready_ != 0) {
    const std::uint32_t any = (ready_ | ready_ >> levels) & 15u;
    const unsigned level = static_cast<unsigned>(std::bit_width(any)) - 1;
    if (fiber* const f = pop_level(level))
      return f;  // null: thieves had emptied it, and its bit is cleared now
  }
  return nullptr;
}

fiber* run_queue::pop_lower_slow() noexcept {
  const std::uint32_t any = (ready_ | ready_ >> levels) & 15u;
  std::uint32_t lower = any & ~std::bit_floor(any);
  while (lower != 0) {
    const std::uint32_t below = lower & (lower_turn_ - 1);
    lower_turn_ = std::bit_floor(below != 0 ? below : lower);
    if (fiber* const f = pop_level(static_cast<unsigned>(std::bit_width(lower_turn_)) - 1)) return f;
    lower &= ~lower_turn_;
  }
  return nullptr;
}

// The older of the two heads of a level; clears the bit of what turns out to be empty.
fiber* run_queue::pop_level(unsigned level) noexcept {
  if ((ready_ & 16u << level) != 0) {
    const fiber* const started = lists_[level].head;
    const std::uint64_t before =
        started == nullptr ? std::numeric_limits<std::uint64_t>::max() : started->order;
    if (rings_[level].size() == 0) refill();
    fiber* const f = rings_[level].pop(before);
    if (rings_[level].size() == 0 && overflow_[level].head == nullptr) ready_ &= ~(16u << level);
    if (f != nullptr) return f;
  }
  return lists_[level].head == nullptr ? nullptr : pop_started(level);
}

void run_queue::refill_slow() noexcept {
  for (unsigned level = 0; level < levels; ++level) {
    list& waiting = overflow_[level];
    while (waiting.head != nullptr) {
      fiber* const f = waiting.head;
      fiber* const next = static_cast<fiber*>(f->next);  // read now: once in the ring it is anyone's
      if (!rings_[level].push(*f)) break;
      waiting.head = next;
      --overflow_count_;
    }
  }
}

}  // namespace weft::detail
