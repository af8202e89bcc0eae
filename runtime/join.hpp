// Waiting for the end of a fiber.
//
// The joiner writes the number of its wait and then itself into `control`; the ending fiber sets `ended`
// there and so sees the joiner, or the joiner sees `ended`. A joiner that gives up takes itself out; if the
// end was faster, the ending fiber may still be about to look at the joiner's wait, and says with joiner_left
// when it has.
#pragma once

#include <weft/runtime/park.hpp>
#include <weft/runtime/stop.hpp>

namespace weft::detail {

struct join_wait : wait {
  explicit join_wait(fiber& joined) noexcept : wait{/*cancellable=*/true}, of{&joined} {}
  join_wait(const wait& begun, fiber* joined) noexcept : wait{begun, nullptr}, of{joined} {}

  /// For join(): a stop is passed on, and the wait goes on.
  static void pass_stop_on(wait& self, wake_reason) noexcept {
    detail::pass_stop_on(*static_cast<join_wait&>(self).of);
  }

  fiber* of;
};

/// Writes the joiner into `f`, whose `control` was `seen`. False: it has ended. `sole`: neither a deadline
/// nor a stop can end the wait.
WEFT_ALWAYS_INLINE bool announce_joiner(fiber& f, std::uint64_t seen, join_wait& w, bool sole) noexcept {
  WEFT_ASSERT(static_cast<parker*>(&f) != w.who, "a fiber joins itself");
  f.join_number = w.number;
  const std::uint64_t joiner = reinterpret_cast<std::uint64_t>(w.who) | (sole ? fiber::joiner_sole : 0);
  do {
    if ((seen & fiber::ended) != 0) return false;
    WEFT_ASSERT((seen & fiber::joiner_mask) == 0, "two joins of one task at a time");
  } while (!f.control.compare_exchange_weak(seen, seen | joiner, std::memory_order_acq_rel,
                                            std::memory_order_acquire));
  return true;
}

/// Counts a waiting joiner, where the number of fibers is limited.
class counted_join {
 public:
  counted_join() noexcept;
  ~counted_join();
  counted_join(const counted_join&) = delete;
  counted_join& operator=(const counted_join&) = delete;

 private:
  scheduler* limited_ = nullptr;
};

void await_end_counted(join_wait& w) noexcept;

WEFT_ALWAYS_INLINE bool joins_are_counted() noexcept {
  const worker* const here = worker::current();
  return here != nullptr && here->limited();
}

WEFT_ALWAYS_INLINE void await_end(fiber& f) noexcept {
  const std::uint64_t seen = f.control.load(std::memory_order_acquire);
  if ((seen & fiber::ended) != 0) return;
  join_wait w{f};
  w.interrupt = join_wait::pass_stop_on;
  w.timed = false;
  if (!announce_joiner(f, seen, w, /*sole=*/true)) return;
  if (joins_are_counted()) [[unlikely]]
    return await_end_counted(w);
  park(w, deadline::never(), park_reason::join);
}

/// Errors: canceled, deadline_exceeded.
[[nodiscard]] result<void> await_end_until(fiber& f, deadline until) noexcept;

/// Rethrows what has ended `f`, and releases it.
[[noreturn]] void rethrow(fiber& f);

/// Lets `f` end without a joiner.
void detach(fiber& f) noexcept;

/// Asks `f` to stop, waits for it, reports its failure, releases it.
void abandon(fiber& f) noexcept;

}  // namespace weft::detail
