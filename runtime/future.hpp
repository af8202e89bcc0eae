// promise<T> and future<T>: std's, for fibers and threads mixed. One promises a value, or an exception, and
// the other waits for it, once.
//
// Both own one block on the heap (future_state) that is made with the promise; nothing else is allocated.
// What std throws is thrown (std::future_error); an empty future that is asked is an assertion. Whoever
// gives the value may lose promise and future while set_value() still wakes those who wait.
#pragma once

#include <chrono>
#include <concepts>
#include <exception>
#include <future>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/future_state.hpp>

namespace weft {

template <class T>
class promise;
template <class T>
class future;

namespace detail {

struct nothing {};

template <class T>
struct promised : future_state {
  using slot = std::conditional_t<std::is_void_v<T>, nothing,
                                  std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T>*, T>>;

  /// Fills it with what `make` puts there. Throws promise_already_satisfied, or what `make` throws.
  template <class Make>
  void fill(Make make) {
    if (!begin()) throw std::future_error{std::future_errc::promise_already_satisfied};
    struct guard {
      promised* of;
      ~guard() {
        if (of != nullptr) of->forgo();
      }
    } unless_made{this};
    make(*this);
    unless_made.of = nullptr;
    publish();
  }

  static void release(promised* p) noexcept {
    if (p != nullptr && p->leave()) delete p;
  }

  std::optional<slot> value{};   // between begin() and publish() his who fills it, then the future's
  std::exception_ptr failure{};  // the same
};

}  // namespace detail

/// The end that waits.
template <class T>
class [[nodiscard]] future {
 public:
  /// Waits for nothing: valid() is false.
  future() noexcept = default;
  future(future&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  future& operator=(future&& other) noexcept {
    if (this != &other)
      detail::promised<T>::release(std::exchange(state_, std::exchange(other.state_, nullptr)));
    return *this;
  }
  /// Does not wait.
  ~future() { detail::promised<T>::release(state_); }

  /// Whether there is something to wait for: not yet taken, nor moved from.
  bool valid() const noexcept { return state_ != nullptr; }

  /// Waits for the value, and takes it; valid() is false afterwards.
  ///
  /// Blocks     the calling fiber or thread; not a cancellation point.
  /// Errors     rethrows what the promise was given; broken_promise, if it was destroyed without.
  /// Safe from  any fiber or thread, one at a time; memory written before set_value() is visible then.
  T get() {
    wait();
    return take();
  }

  /// Waits for the value until then, and takes it.
  ///
  /// Errors     deadline_exceeded, canceled: the future is as it was. Rethrows as get() does.
  [[nodiscard]] lifted<T> get(deadline until) {
    WEFT_TRY(wait(until));
    if constexpr (std::is_void_v<T>) {
      take();
      return {};
    } else {
      return take();
    }
  }

  /// Waits until get() would not wait.
  ///
  /// Blocks     the calling fiber or thread; not a cancellation point.
  void wait() const { (void)shared().wait(deadline::never(), /*cancellable=*/false); }

  /// The same, until then. Errors: deadline_exceeded, canceled.
  [[nodiscard]] result<void> wait(deadline until) const {
    switch (shared().wait(until, /*cancellable=*/true)) {
      case detail::wake_reason::canceled: return std::unexpected(errc::canceled);
      case detail::wake_reason::timed_out: return std::unexpected(errc::deadline_exceeded);
      default: return {};
    }
  }

  /// std's: `ready` or `timeout`; not a cancellation point.
  template <class R, class P>
  std::future_status wait_for(std::chrono::duration<R, P> time) const {
    return status_at(deadline{time});
  }

  /// The same until that point, of any clock: one that jumps is looked at again before giving up.
  template <class Clock, class D>
  std::future_status wait_until(std::chrono::time_point<Clock, D> until) const {
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
      return status_at(deadline{std::chrono::ceil<std::chrono::nanoseconds>(until)});
    } else {
      for (;;) {
        if (wait_for(until - Clock::now()) == std::future_status::ready) return std::future_status::ready;
        if (Clock::now() >= until) return std::future_status::timeout;
      }
    }
  }

 private:
  friend class promise<T>;
  explicit future(detail::promised<T>& s) noexcept : state_{&s} {}

  detail::promised<T>& shared() const noexcept {
    WEFT_ASSERT(state_ != nullptr,
                "a future was asked that waits for nothing (taken, moved from, or made empty)");
    return *state_;
  }

  std::future_status status_at(deadline until) const {
    const detail::wake_reason how = shared().wait(until, /*cancellable=*/false);
    return how == detail::wake_reason::woken ? std::future_status::ready : std::future_status::timeout;
  }

  T take() {
    const future taken = std::move(*this);  // lets the state go, after the value
    if (taken.state_->failure != nullptr) [[unlikely]]
      std::rethrow_exception(taken.state_->failure);
    if constexpr (std::is_reference_v<T>) return static_cast<T>(**taken.state_->value);
    else if constexpr (!std::is_void_v<T>) return std::move(*taken.state_->value);
  }

  detail::promised<T>* state_ = nullptr;
};

/// The end that gives.
template <class T>
class promise {
 public:
  promise() : state_{new detail::promised<T>} {}
  promise(promise&& other) noexcept
      : state_{std::exchange(other.state_, nullptr)}, retrieved_{std::exchange(other.retrieved_, false)} {}
  promise& operator=(promise&& other) noexcept {
    promise{std::move(other)}.swap(*this);
    return *this;
  }
  /// A future that still waits gets broken_promise.
  ~promise() { abandon(); }

  void swap(promise& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(retrieved_, other.retrieved_);
  }
  friend void swap(promise& a, promise& b) noexcept { a.swap(b); }

  /// The other end; once. Throws no_state, future_already_retrieved.
  future<T> get_future() {
    detail::promised<T>& s = shared();
    if (std::exchange(retrieved_, true)) throw std::future_error{std::future_errc::future_already_retrieved};
    s.share();
    return future<T>{s};
  }

  /// Gives the value, and wakes who waits for it; once. Throws no_state, promise_already_satisfied, and what
  /// the value's constructor throws, which gives nothing.
  ///
  /// Safe from  any fiber or thread.
  template <class U = T>
    requires(!std::is_void_v<T> && !std::is_reference_v<T> && std::constructible_from<T, U>)
  void set_value(U&& v) {
    shared().fill([&](detail::promised<T>& s) { s.value.emplace(std::forward<U>(v)); });
  }
  void set_value(std::conditional_t<std::is_reference_v<T>, T, detail::nothing&> v)
    requires std::is_reference_v<T>
  {
    shared().fill([&](detail::promised<T>& s) { s.value.emplace(&v); });
  }
  void set_value()
    requires std::is_void_v<T>
  {
    shared().fill([](detail::promised<T>&) {});
  }

  /// Gives an exception instead.
  void set_exception(std::exception_ptr e) {
    WEFT_ASSERT(e != nullptr, "a promise was given no exception");
    shared().fill([&](detail::promised<T>& s) { s.failure = std::move(e); });
  }

 private:
  detail::promised<T>& shared() const {
    if (state_ == nullptr) throw std::future_error{std::future_errc::no_state};
    return *state_;
  }

  void abandon() noexcept {
    if (state_ == nullptr) return;
    if (state_->shared() && state_->begin()) {
      state_->failure = std::make_exception_ptr(std::future_error{std::future_errc::broken_promise});
      state_->publish();
    }
    detail::promised<T>::release(state_);
  }

  detail::promised<T>* state_ = nullptr;
  bool retrieved_ = false;
};

}  // namespace weft
