#include <weft/runtime/timer_wheel.hpp>

namespace weft::detail {

timer_wheel::timer_wheel(std::int64_t now) noexcept
    : now_{now}, tick_{now >> tick_bits}, check_at_{end_of(tick_)} {
  WEFT_ASSERT(now >= 0, "the steady clock counts from zero");
  for (timer_link& ring : rings_) ring.next = ring.previous = &ring;
}

std::int64_t timer_wheel::next() const noexcept {
  if (empty()) return std::numeric_limits<std::int64_t>::max();
  if (check_at_ <= now_) return check_at_;
  unsigned level = 0;
  while (occupied_[level] == 0) ++level;
  // The lowest occupied level holds the earliest timers, none of them in a slot before the current one.
  const auto slot = static_cast<std::int64_t>(std::countr_zero(occupied_[level]));
  const unsigned shift = slot_bits * level;
  const std::int64_t first = ((tick_ >> shift >> slot_bits << slot_bits) | slot) << shift;
  return level == 0 ? end_of(first) : first << tick_bits;
}

void timer_wheel::advance_slow(std::int64_t now) noexcept {
  if (now >> tick_bits > tick_) move_on(now >> tick_bits);
  sift(now);
  call();
}

/// Makes `tick` the current one. Below the highest level on which it differs from the old one all is due, and
/// on that level all that lies before its slot; that slot alone is spread over the levels below; the levels
/// above stay as they are.
void timer_wheel::move_on(std::int64_t tick) noexcept {
  const unsigned level = level_of(tick, tick_);
  const unsigned slot = slot_of(tick, level);
  for (unsigned below = 0; below < level; ++below) collect(below, occupied_[below]);
  collect(level, occupied_[level] & ((std::uint64_t{1} << slot) - 1));
  tick_ = tick;
  if (level > 0) spread(level, slot);
}

/// Places all timers of a slot anew, which is on lower levels. They lie anywhere in memory, so walking is
/// waiting for the cache: from both ends at once it takes half as long (here and in call(): 132 ns for the
/// life of one in a million, not 240).
void timer_wheel::spread(unsigned level, unsigned slot) noexcept {
  timer_link& ring = rings_[level * slots + slot];
  if (ring.next == &ring) return;
  timer_link* front = ring.next;
  timer_link* back = ring.previous;
  ring.next = ring.previous = &ring;
  occupied_[level] &= ~(std::uint64_t{1} << slot);
  for (bool at_front = true, last = false; !last; at_front = !at_front) {
    last = front == back;
    auto& t = static_cast<timer&>(at_front ? *front : *back);
    if (at_front) __builtin_prefetch(front = front->next);
    else __builtin_prefetch(back = back->previous);
    place(t);
  }
}

/// Moves all timers of the slots `which` of a level to those that are due.
void timer_wheel::collect(unsigned level, std::uint64_t which) noexcept {
  occupied_[level] &= ~which;
  timer_link& target = rings_[due];
  for (; which != 0; which &= which - 1) {
    timer_link& ring = rings_[level * slots + static_cast<unsigned>(std::countr_zero(which))];
    ring.next->previous = target.previous;
    target.previous->next = ring.next;
    ring.previous->next = &target;
    target.previous = ring.previous;
    ring.next = ring.previous = &ring;
  }
}

/// Moves what is due out of the current slot, and notes when there is more to do.
void timer_wheel::sift(std::int64_t now) noexcept {
  check_at_ = end_of(tick_);
  const timer_link& ring = rings_[slot_of(tick_, 0)];
  timer_link& target = rings_[due];
  for (timer_link* at = ring.next; at != &ring;) {
    auto& t = static_cast<timer&>(*at);
    at = at->next;
    if (t.at > now) {
      check_at_ = std::min(check_at_, t.at);
      continue;
    }
    unlink(t);
    t.next = &target;
    t.previous = target.previous;
    target.previous->next = &t;
    target.previous = &t;
  }
}

/// Calls what is due. An expiry function may cancel any of these: each is taken from an end of the ring anew.
void timer_wheel::call() noexcept {
  const timer_link& ring = rings_[due];
  for (bool at_front = true; ring.next != &ring; at_front = !at_front) {
    auto& t = static_cast<timer&>(at_front ? *ring.next : *ring.previous);
    __builtin_prefetch(at_front ? ring.previous->previous : ring.next->next);
    --size_;
    ++expired_;
    unlink(t);
    t.expire(t);
  }
}

}  // namespace weft::detail
