// A channel for one value: send() gives it and closes.
//
//   oneshot<answer> reply;
//   requests.send({question, &reply});
//   result<answer> a = reply.recv(1s);
//
// Who receives it may destroy the oneshot at once. close() says that no value will come; a receiver that
// waits is told `closed`, and so is whoever comes when the value was taken.
#pragma once

#include <concepts>
#include <utility>

#include <weft/runtime/receivable.hpp>

namespace weft {
namespace detail {

// A base, so that it is there before the other one, whose ring of one slot it is.
template <class T>
struct oneshot_ring {
  room_for<T> only;
};

}  // namespace detail

template <class T>
class oneshot : detail::oneshot_ring<T>, public detail::receivable<T> {
  using base = detail::receivable<T>;

 public:
  oneshot() noexcept : base{&this->only.value, 1} {}
  ~oneshot() { this->drop_all(); }

  /// Gives the value: to a receiver that waits, or to the one who will come. Never waits.
  ///
  /// Errors     closed, also when a value was sent before: `v` is untouched.
  /// Safe from  any fiber or thread; memory written before is visible to who receives it.
  [[nodiscard]] result<void> send(T&& v) noexcept {
    this->lock();
    if (this->closed_) {
      this->unlock();
      return base::failure_of(detail::wake_reason::woken);
    }
    detail::parker* wake = nullptr;
    this->put(v, wake);  // there is room, for nothing was sent before
    this->close_and_unlock(wake);
    return {};
  }

  /// Sends a copy, which is made before anything else.
  [[nodiscard]] result<void> send(const T& v)
    requires std::copy_constructible<T>
  {
    T copy{v};
    return send(std::move(copy));
  }

  /// As send(), which does not wait either.
  [[nodiscard]] result<void> try_send(T&& v) noexcept { return send(std::move(v)); }
};

}  // namespace weft
