// What a fiber runs, kept in its control block: the callable before, its outcome after.
//
// A callable of up to 48 bytes lies in the block, a larger one on the heap; so does the result, or the
// exception, once the callable and its captures are gone.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <stop_token>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/result.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/local_table.hpp>
#include <weft/runtime/stop.hpp>

namespace weft {

/// What f gives, called as f() or, as std::jthread calls it, as f(stop_token).
template <class F>
struct returns : std::invoke_result<F> {};
template <std::invocable<std::stop_token> F>
struct returns<F> : std::invoke_result<F, std::stop_token> {};
template <class F>
using returns_t = typename returns<std::decay_t<F>>::type;

template <class R>
concept outcome = std::is_void_v<R> || std::same_as<R, result<void>>;

/// What a fiber can run. Refuses a lambda that forgot `-> weft::result<R>`.
template <class F>
concept body = requires { typename returns_t<F>; } && !bare_error<returns_t<F>>;

/// A body whose value nobody would see.
template <class F>
concept action = body<F> && outcome<returns_t<F>>;

namespace detail {

// A T in the storage of a control block, or on the heap with its address there.
template <class T>
struct stored {
  static constexpr bool in_place =
      sizeof(T) <= fiber::storage_size && alignof(T) <= alignof(std::max_align_t);

  template <class... A>
  static void create(fiber& f, A&&... arguments) {
    if constexpr (in_place) ::new (static_cast<void*>(f.storage)) T(std::forward<A>(arguments)...);
    else ::new (static_cast<void*>(f.storage)) T*(new T(std::forward<A>(arguments)...));
  }

  static T& get(const fiber& f) noexcept {
    void* const at = const_cast<std::byte*>(f.storage);
    if constexpr (in_place) return *std::launder(static_cast<T*>(at));
    else return **std::launder(static_cast<T**>(at));
  }

  static void destroy(fiber& f) noexcept {
    if constexpr (in_place) get(f).~T();
    else delete &get(f);
  }
};

template <class R>
inline constexpr outcome_operations operations_of{
    [](fiber& f) noexcept { stored<R>::destroy(f); },
    [](const fiber& f) noexcept -> std::error_code {
      if constexpr (is_result<R>) {
        if (const R& r = stored<R>::get(f); !r) return r.error();
      }
      return {};
    },
};

// The outcome of a body that threw. One object for the whole process: its address is the test.
extern const outcome_operations thrown_outcome;

inline bool has_thrown(const fiber& f) noexcept { return f.outcome == &thrown_outcome; }

template <class F>
decltype(auto) call_body(F& f, fiber& self) {
  if constexpr (std::invocable<F&, std::stop_token>) return std::invoke(f, innermost_stop_token(self));
  else return std::invoke(f);
}

// Ends a callable that lies in its fiber, and then the values of fiber_local. Their destructors may wait, and
// who waits looks at `scopes`: so this comes before the outcome, which lies in the same place.
template <class F>
struct callable_owner {
  fiber& of;
  ~callable_owner() {
    stored<F>::destroy(of);
    if (of.has_locals) [[unlikely]]
      destroy_locals(of);
  }
};

// Runs the callable in its place, destroys it, and leaves the outcome. The root of every fiber: nothing is
// thrown past it.
template <class F>
void run_body(fiber& self) noexcept {
  using R = returns_t<F>;
  self.scopes = nullptr;
  try {
    if constexpr (std::is_void_v<R>) {
      {
        const callable_owner<F> last{self};
        call_body(stored<F>::get(self), self);
      }
      self.outcome = nullptr;
    } else {
      R r = [&]() -> R {
        const callable_owner<F> last{self};
        return call_body(stored<F>::get(self), self);
      }();
      stored<R>::create(self, std::move(r));
      self.outcome = &operations_of<R>;
    }
  } catch (...) {  // root: kept for who joins
    stored<std::exception_ptr>::create(self, std::current_exception());
    self.outcome = &thrown_outcome;
  }
}

template <class F>
void set_body(fiber& f, F&& callable) {
  using C = std::decay_t<F>;
  stored<C>::create(f, std::forward<F>(callable));
  f.body = run_body<C>;
}

}  // namespace detail
}  // namespace weft
