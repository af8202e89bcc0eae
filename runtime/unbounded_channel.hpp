// A channel that always has room: send() never waits.
//
// Everything else is as with channel. Its ring doubles when it is full, and never shrinks: a sender that is
// faster than the receivers for ever takes all memory there is. Where that may happen, bounded channels slow
// the senders down instead.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>

#include <weft/runtime/receivable.hpp>

namespace weft {

template <class T>
class unbounded_channel : public detail::receivable<T> {
  using base = detail::receivable<T>;

 public:
  unbounded_channel() noexcept : base{nullptr, 0} {}
  ~unbounded_channel() {
    this->drop_all();
    release(this->slots_, this->capacity_);
  }

  /// Sends `v`: moves it to a receiver that waits, or into the ring. Never waits.
  ///
  /// Errors     closed: `v` is untouched. Throws std::bad_alloc if the ring cannot grow; then too.
  /// Safe from  any fiber or thread.
  /// Cost       into the ring one locked instruction; now and then an allocation and a move of everything
  ///            that is in it, which is constant time per value in the long run.
  [[nodiscard]] WEFT_ALWAYS_INLINE result<void> send(T&& v) {
    this->lock();
    if (this->receivers_.empty() && this->count_ < this->capacity_ && !this->closed_) [[likely]] {
      this->push(v);
      this->unlock();
      return {};
    }
    return send_slow(v);
  }

  /// Sends a copy, which is made before anything else.
  [[nodiscard]] WEFT_ALWAYS_INLINE result<void> send(const T& v)
    requires std::copy_constructible<T>
  {
    T copy{v};
    return send(std::move(copy));
  }

  /// As send(), which does not wait either.
  [[nodiscard]] result<void> try_send(T&& v) { return send(std::move(v)); }

 private:
  static constexpr std::size_t capacity_first = 16;  // a guess

  // Has the lock, and lets it go. Memory is taken and given back without it.
  WEFT_NOINLINE result<void> send_slow(T& v) {
    for (;;) {
      if (this->closed_) {
        this->unlock();
        return base::failure_of(detail::wake_reason::woken);
      }
      detail::parker* wake = nullptr;
      if (this->put(v, wake)) {
        this->unlock();
        if (wake != nullptr) wake->resume();
        return {};
      }
      std::size_t size = this->capacity_ == 0 ? capacity_first : 2 * this->capacity_;
      this->unlock();
      T* room = std::allocator<T>{}.allocate(size);
      this->lock();
      if (this->capacity_ < size) move_into(room, size);  // else somebody was faster
      if (this->count_ < this->capacity_ && !this->closed_ && this->receivers_.empty()) {
        this->push(v);
        this->unlock();
        release(room, size);
        return {};
      }
      this->unlock();
      release(room, size);
      this->lock();
    }
  }

  // Makes `room` the ring; afterwards room and size are those of the one before.
  void move_into(T*& room, std::size_t& size) noexcept {
    const std::size_t count = this->count_;
    for (std::size_t i = 0; i < count; ++i) {
      T& oldest = this->slots_[this->head_];
      std::construct_at(&room[i], std::move(oldest));
      std::destroy_at(&oldest);
      this->drop_head();
    }
    std::swap(this->slots_, room);
    std::swap(this->capacity_, size);
    this->head_ = 0;
    this->count_ = count;
  }

  static void release(T* slots, std::size_t capacity) noexcept {
    if (slots != nullptr) std::allocator<T>{}.deallocate(slots, capacity);
  }
};

}  // namespace weft
