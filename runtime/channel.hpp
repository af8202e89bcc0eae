// A queue of values between fibers, threads, or both: bounded, any number of senders and receivers, each
// value received once, in the order in which they were sent.
//
// With capacity 0 sender and receiver meet: send() returns when somebody has the value. Otherwise values wait
// in a ring that is allocated once. A value for a receiver that waits never sees the ring, it goes straight
// to him. close() ends the sending; what lies in the ring can still be received (CSP's channels, as Go has
// them; closing twice and sending to a closed one are no errors of the program here).
//
//   channel<int> numbers{16};
//   go([&] { for (int i = 0; i < 100; ++i) if (!numbers.send(i)) return; numbers.close(); });
//   for (int n : numbers) use(n);
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>

#include <weft/runtime/heed_slice.hpp>
#include <weft/runtime/receivable.hpp>

namespace weft {

template <class T>
class channel : public detail::receivable<T> {
  using base = detail::receivable<T>;
  using typename base::step;

 public:
  /// `capacity`: how many values it holds that nobody has received; 0: none.
  explicit channel(std::size_t capacity)
      : base{capacity == 0 ? nullptr : std::allocator<T>{}.allocate(capacity), capacity} {}
  ~channel() {
    this->drop_all();
    if (this->capacity_ != 0) std::allocator<T>{}.deallocate(this->slots_, this->capacity_);
  }

  /// Sends `v`: moves it to a receiver that waits, or into the ring.
  ///
  /// Blocks     the calling fiber or thread, until there is room or a receiver, close() or `until`.
  /// Errors     closed, deadline_exceeded, canceled: `v` is untouched. Never fails if there is room.
  /// Cancelled  nothing was sent.
  /// Safe from  any fiber or thread.
  /// Cost       into the ring one locked instruction.
  [[nodiscard]] WEFT_ALWAYS_INLINE result<void> send(T&& v, deadline until = deadline::never()) {
    detail::heed_slice();
    this->lock();
    if (this->receivers_.empty() && this->count_ < this->capacity_ && !this->closed_) [[likely]] {
      this->push(v);
      this->unlock();
      return {};
    }
    const step done = put_or_tell(v);
    if (done == step::moved) [[likely]]
      return {};
    if (done == step::closed) [[unlikely]]
      return base::failure_of(detail::wake_reason::woken);
    detail::channel_waiter w{*this, std::addressof(v)};
    this->senders_.push_back(w);
    this->unlock();
    const detail::wake_reason how = park(w, until, detail::park_reason::channel_send);
    if (!this->was_moved(w, how)) [[unlikely]]
      return base::failure_of(how);
    return {};
  }

  /// Sends a copy, which is made before anything else.
  [[nodiscard]] WEFT_ALWAYS_INLINE result<void> send(const T& v, deadline until = deadline::never())
    requires std::copy_constructible<T>
  {
    T copy{v};
    return send(std::move(copy), until);
  }

  /// send() that does not wait.
  ///
  /// Errors     would_block, closed: `v` is untouched.
  [[nodiscard]] result<void> try_send(T&& v) {
    switch (send_from(v)) {
      case step::moved: return {};
      case step::closed: return base::failure_of(detail::wake_reason::woken);
      default: return std::unexpected(errc::would_block);
    }
  }

  /// For select: send() of `v` that does not wait.
  WEFT_ALWAYS_INLINE step send_from(T& v) noexcept {
    this->lock();
    if (this->receivers_.empty() && this->count_ < this->capacity_ && !this->closed_) [[likely]] {
      this->push(v);
      this->unlock();
      return step::moved;
    }
    const step done = put_or_tell(v);
    if (done == step::must_wait) this->unlock();
    return done;
  }

 private:
  // Keeps the lock if it says must_wait.
  WEFT_NOINLINE step put_or_tell(T& v) noexcept {
    detail::parker* wake = nullptr;
    step done = step::moved;
    if (this->closed_) done = step::closed;
    else if (!this->put(v, wake)) return step::must_wait;
    this->unlock();
    if (wake != nullptr) wake->resume();
    return done;
  }
};

}  // namespace weft
