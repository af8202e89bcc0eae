// What all channels have in common whatever their values are: the lock, the two queues of those who wait, and
// the bookkeeping of the buffer.
//
// Invariant, with the lock free, counting only those whose wait has not ended:
//
//   a receiver waits  =>  the buffer is empty, and the channel is open
//   a sender waits    =>  the buffer is full (of capacity 0: always), and the channel is open
//
// A value changes hands under the lock: who comes second moves it out of, or into, the frame of who waits,
// says so in `moved`, and resumes him. So a wait that ends in any other way (timeout, stop, close) has moved
// nothing. Claiming follows wait_list.hpp; here the claimed waiter is always resumed after the unlock, by its
// parker, which does not go away (a foreign thread may by then be through).
//
// A fiber's wait at one channel is ended by its own worker, or by somebody who holds the lock. So on that
// worker, under the lock, the claim needs no locked instruction (claim_alone); the entries of a select, which
// are in several channels, do.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/short_lock.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

class channel_core;

/// Somebody in a channel's queue: in the frame of who waits.
struct channel_waiter : list_waiter {
  /// Of a wait at this channel alone, which begins.
  channel_waiter(const channel_core& of, void* value_) noexcept
      : list_waiter{/*cancellable=*/true}, value{value_} {
    at = &of;
  }
  /// One entry of several.
  channel_waiter(const wait& begun, const channel_core& of, void* value_) noexcept
      : list_waiter{begun, nullptr}, value{value_}, alone{false} {
    at = &of;
  }

  void* value;         // a sender's value, or a receiver's room for one
  bool alone = true;   // no other primitive can end this wait
  bool moved = false;  // the value has changed hands
};

class channel_core {
 public:
  using waiters = intrusive_list<channel_waiter>;

  channel_core(const channel_core&) = delete;
  channel_core& operator=(const channel_core&) = delete;

  void lock() noexcept { lock_.lock(); }
  void unlock() noexcept { lock_.unlock(); }

  /// Nothing more can be sent; what lies in the buffer can still be received. All that wait are told. More
  /// than once does no harm.
  ///
  /// Safe from  any fiber or thread.
  void close() noexcept;

  /// Values that lie in the buffer. Old news by the time it returns.
  std::size_t size() const noexcept;

  /// What comes of a try.
  enum class step : std::uint8_t { moved, closed, must_wait };

  /// For select: puts `w` into the queue of those who receive, or of those who send. False: there is nothing
  /// to wait for. Who waits already through another entry of the same wait does not count: a select does not
  /// meet itself.
  bool enlist_receiver(channel_waiter& w) noexcept;
  bool enlist_sender(channel_waiter& w) noexcept;

  /// Takes an entry of a wait that has ended out of its queue.
  void leave(channel_waiter& w) noexcept;

 protected:
  explicit channel_core(std::size_t capacity) noexcept : capacity_{capacity} {}
  ~channel_core() {
    WEFT_ASSERT(senders_.empty() && receivers_.empty(),
                "a channel was destroyed while somebody waits for it");
  }

  /// close(), by who has the lock. `woken`: one who was claimed before, to be resumed with the others.
  void close_and_unlock(parker* woken) noexcept;

  /// Claims the one who waits longest, and takes him out. Null: nobody waits. Needs the lock, as whatever
  /// follows.
  WEFT_ALWAYS_INLINE static channel_waiter* claim_first(waiters& from) noexcept {
    while (channel_waiter* const w = from.pop_front())
      if (claim(*w)) return w;
    return nullptr;
  }

  WEFT_ALWAYS_INLINE static bool claim(channel_waiter& w) noexcept {
    const bool won = w.alone && is_at_home(*w.who) ? w.who->claim_alone(w.number, wake_reason::woken)
                                                   : w.claim(wake_reason::woken);
    if (won) w.woke = true;  // else it has timed out, was cancelled, or was faster elsewhere
    return won;
  }

  /// Ends a park() at this channel: whether the value has changed hands.
  WEFT_ALWAYS_INLINE bool was_moved(channel_waiter& w, wake_reason how) noexcept {
    if (how != wake_reason::woken || !w.who->is_fiber()) [[unlikely]]
      leave(w);
    return w.moved;
  }

  /// Why a wait that moved nothing has ended.
  static std::unexpected<std::error_code> failure_of(wake_reason how) noexcept;

  std::size_t tail() const noexcept {
    const std::size_t end = head_ + count_;
    return end < capacity_ ? end : end - capacity_;
  }
  void drop_head() noexcept {
    if (++head_ == capacity_) head_ = 0;
    --count_;
  }

  // All guarded by lock_.
  mutable short_lock lock_;
  bool closed_ = false;
  std::size_t capacity_;  // of the buffer, a ring: never changes, but for one without bounds
  std::size_t head_ = 0;  // its oldest value
  std::size_t count_ = 0;
  waiters receivers_, senders_;

 private:
  WEFT_ALWAYS_INLINE static bool is_at_home(const parker& who) noexcept {
    return who.is_fiber() &&
           static_cast<const fiber&>(who).home.load(std::memory_order_relaxed) == worker::current();
  }
};

}  // namespace weft::detail
