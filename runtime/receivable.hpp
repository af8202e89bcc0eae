// The receiving half of a channel of T: a ring of values and the ways to take them out. channel,
// unbounded_channel and oneshot add the sending half; select receives from all of them alike.
//
// The common case is inline: a value lies in the buffer and no sender waits. What parks is inline too, for a
// return behind a switch is mispredicted; the rest is one call.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/channel_core.hpp>
#include <weft/runtime/heed_slice.hpp>

namespace weft::detail {

/// Room for a value that is yet to come.
template <class T>
union room_for {
  room_for() noexcept {}
  ~room_for() {}

  /// Takes out the value that has come.
  result<T> take() noexcept {
    result<T> out{std::in_place, std::move(value)};
    std::destroy_at(&value);
    return out;
  }

  T value;
};

template <class T>
class receivable : public channel_core {
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>,
                "a value changes hands under a lock: moving it must not throw");

 public:
  class iterator;

  /// Takes the oldest value. It comes from the buffer, or straight from a sender that waits.
  ///
  /// Blocks     the calling fiber or thread, until a value comes, close() or `until`.
  /// Errors     closed: and nothing is left; deadline_exceeded, canceled. Never fails if there is a value.
  /// Cancelled  nothing was taken.
  /// Safe from  any fiber or thread; memory written before the send is visible.
  /// Cost       from the buffer one locked instruction.
  [[nodiscard]] WEFT_ALWAYS_INLINE result<T> recv(deadline until = deadline::never()) {
    heed_slice();
    lock();
    if (count_ != 0 && senders_.empty()) [[likely]] {
      T& oldest = slots_[head_];
      result<T> out{std::in_place, std::move(oldest)};
      std::destroy_at(&oldest);
      drop_head();
      unlock();
      return out;
    }
    room_for<T> room;
    const step done = take_or_tell(room);
    if (done == step::must_wait) {
      channel_waiter w{*this, &room.value};
      receivers_.push_back(w);
      unlock();
      const wake_reason how = park(w, until, park_reason::channel_recv);
      if (!was_moved(w, how)) [[unlikely]]
        return failure_of(how);
    } else if (done == step::closed) [[unlikely]] {
      return failure_of(wake_reason::woken);
    }
    return room.take();
  }

  /// recv() that does not wait.
  ///
  /// Errors     would_block, closed.
  [[nodiscard]] result<T> try_recv() {
    room_for<T> room;
    switch (receive_into(room)) {
      case step::moved: return room.take();
      case step::closed: return failure_of(wake_reason::woken);
      default: return std::unexpected(errc::would_block);
    }
  }

  /// `for (T& value : channel)`: one recv() per round. Ends when all is drained, when the fiber is asked to
  /// stop, or when the deadline of the fiber or thread (with_deadline()) has passed:
  /// this_fiber::checkpoint() tells which.
  iterator begin() { return iterator{*this}; }
  std::default_sentinel_t end() const noexcept { return {}; }

  /// For select: recv() into `room` that does not wait.
  WEFT_ALWAYS_INLINE step receive_into(room_for<T>& room) noexcept {
    lock();
    if (count_ != 0 && senders_.empty()) [[likely]] {
      take_oldest(room);
      unlock();
      return step::moved;
    }
    const step done = take_or_tell(room);
    if (done == step::must_wait) unlock();
    return done;
  }

 protected:
  receivable(T* slots, std::size_t capacity) noexcept : channel_core{capacity}, slots_{slots} {}
  ~receivable() = default;

  /// Destroys what was not received. For the destructor of the derived class, whose storage it is.
  void drop_all() noexcept {
    for (; count_ != 0; drop_head()) std::destroy_at(&slots_[head_]);
  }

  /// With the lock: gives `v` to a receiver that waits, or to the buffer if that has room.
  bool put(T& v, parker*& wake) noexcept {
    if (channel_waiter* const receiver = claim_first(receivers_)) {
      std::construct_at(static_cast<T*>(receiver->value), std::move(v));
      receiver->moved = true;
      wake = receiver->who;
      return true;
    }
    if (count_ == capacity_) return false;
    push(v);
    return true;
  }

  void push(T& v) noexcept {
    std::construct_at(&slots_[tail()], std::move(v));
    ++count_;
  }

  T* slots_;  // guarded by lock_

 private:
  WEFT_ALWAYS_INLINE void take_oldest(room_for<T>& room) noexcept {
    T& oldest = slots_[head_];
    std::construct_at(&room.value, std::move(oldest));
    std::destroy_at(&oldest);
    drop_head();
  }

  // With the lock: takes a value into `room` if there is one. `wake`: whom to resume after the unlock.
  bool take(room_for<T>& room, parker*& wake) noexcept {
    if (count_ != 0) {
      take_oldest(room);
      if (channel_waiter* const sender = claim_first(senders_)) {
        std::construct_at(&slots_[tail()], std::move(hand_over(*sender, wake)));
        ++count_;
      }
      return true;
    }
    channel_waiter* const sender = claim_first(senders_);
    if (sender == nullptr) return false;
    std::construct_at(&room.value, std::move(hand_over(*sender, wake)));
    return true;
  }

  // Keeps the lock if it says must_wait.
  WEFT_NOINLINE step take_or_tell(room_for<T>& room) noexcept {
    parker* wake = nullptr;
    step done = step::moved;
    if (!take(room, wake)) {
      if (!closed_) return step::must_wait;
      done = step::closed;
    }
    unlock();
    if (wake != nullptr) wake->resume();
    return done;
  }

  static T& hand_over(channel_waiter& sender, parker*& wake) noexcept {
    sender.moved = true;
    wake = sender.who;
    return *static_cast<T*>(sender.value);
  }
};

/// Holds the value of the round. An input iterator: all copies would be the same place, so it only moves.
template <class T>
class receivable<T>::iterator {
 public:
  using value_type = T;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  explicit iterator(receivable& from) : from_{&from} { ++*this; }
  iterator(iterator&&) noexcept = default;
  iterator& operator=(iterator&&) noexcept = default;

  T& operator*() const noexcept { return *value_; }
  iterator& operator++() {
    value_.reset();
    if (result<T> next = from_->recv()) value_.emplace(*std::move(next));
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const noexcept { return !value_.has_value(); }

 private:
  receivable* from_;
  mutable std::optional<T> value_;
};

}  // namespace weft::detail
