// fiber_local<T>: a variable of which every fiber has a value of its own, and so has every foreign thread.
//
// thread_local does not do for fibers: a worker's thread is shared by all that run on it. A value is made on
// the heap when its fiber first asks for it, and destroyed on that fiber when its body is over, newest first,
// before a join returns. A fiber that never asks pays one test of a byte at its end.
//
// Fibers inherit nothing, unless the variable was made with inherit::copy: then a fiber begins with a copy of
// the value that its spawner had when it spawned, if it had one. blocking() runs on another thread, which has
// values of its own.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <weft/runtime/local_table.hpp>

namespace weft {

enum class inherit : std::uint8_t {
  none,  // every fiber begins with the initial value
  copy,  // a spawned fiber begins with a copy of its spawner's value
};

template <class T>
class fiber_local {
 public:
  /// Every fiber begins with T{}.
  fiber_local()
    requires std::default_initializable<T>
  = default;
  explicit fiber_local(inherit how)
    requires std::default_initializable<T> && std::copy_constructible<T>
      : operations_{how == inherit::copy ? &copied : &owned} {}

  /// Every fiber begins with a copy of `initial`.
  explicit fiber_local(T initial, inherit how = inherit::none)
    requires std::copy_constructible<T>
      : initial_{std::move(initial)}, operations_{how == inherit::copy ? &copied : &owned} {}

  fiber_local(const fiber_local&) = delete;
  fiber_local& operator=(const fiber_local&) = delete;

  /// The value of the calling fiber or thread; makes it on the first call.
  ///
  /// Safe from  any fiber or thread; the reference is good on that fiber or thread, until its end.
  /// Cost       1 ns; the first time two allocations.
  T& get() {
    if (T* const made = get_if()) [[likely]]
      return *made;
    return make();
  }
  T& operator*() { return get(); }
  T* operator->() { return &get(); }

  /// The same; null if there is none yet.
  T* get_if() noexcept {
    if (const detail::local_table* const own = detail::find_locals()) [[likely]]
      if (detail::local_value* const found = own->find(key_)) [[likely]]
        return &static_cast<value*>(found)->of;
    return nullptr;
  }

  /// Destroys the value of the calling fiber or thread; the next get() makes a new one.
  void reset() noexcept {
    detail::local_table* const own = detail::find_locals();
    if (own == nullptr) return;
    if (detail::local_value* const found = own->find(key_)) own->remove(*found);
  }

  /// Values that other fibers have live on until these end, or use a variable that was made later.
  ~fiber_local() {
    reset();
    detail::give_local_key(key_);
  }

 private:
  struct value : detail::local_value {
    template <class... A>
    explicit value(const detail::local_value& head, A&&... arguments)
        : local_value{head}, of(std::forward<A>(arguments)...) {}

    T of;
  };

  static void destroy(detail::local_value& v) noexcept { delete static_cast<value*>(&v); }
  static detail::local_value* copy(const detail::local_value& original) {
    if constexpr (std::copy_constructible<T>)
      return new value{{original.operations, original.id, original.index},
                       static_cast<const value&>(original).of};
    else return nullptr;
  }

  static constexpr detail::local_operations owned{destroy, nullptr};
  static constexpr detail::local_operations copied{destroy, copy};

  // The constructor of T may use this very variable's neighbours, so the table is asked again after it.
  WEFT_NOINLINE T& make() {
    const detail::local_value head{operations_, key_.id, key_.index};
    std::unique_ptr<value> made;
    if constexpr (std::copy_constructible<T>) {
      if (initial_) made = std::make_unique<value>(head, *initial_);
    }
    if constexpr (std::default_initializable<T>) {
      if (made == nullptr) made = std::make_unique<value>(head);
    }
    detail::local_table& own = detail::make_locals();
    own.make_room(key_);
    own.add(*made);
    if (operations_ == &copied) detail::bequeath();
    return made.release()->of;
  }

  const detail::local_key key_ = detail::take_local_key();
  std::optional<T> initial_;
  const detail::local_operations* const operations_ = &owned;
};

}  // namespace weft
