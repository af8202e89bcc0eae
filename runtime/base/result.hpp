// result<T>: a value, or why there is none. WEFT_TRY passes the error on; exit_status ends a main() with it.
#pragma once

#include <concepts>
#include <expected>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/errc.hpp>

namespace weft {

/// What every fallible call returns. An alias, so that all of std::expected's vocabulary works.
template <class T>
using result = std::expected<T, std::error_code>;

/// Takes the value out of a result that holds one. For WEFT_TRY.
template <class T>
T take(result<T>&& r) {
  return *std::move(r);
}
template <class T>
T take(const result<T>& r) {
  return *r;
}
inline void take(result<void>&&) noexcept {}
inline void take(const result<void>&) noexcept {}

/// result<R>, and result<T> for R = result<T>: never a result of a result.
template <class R>
struct lift {
  using type = result<R>;
};
template <class T>
struct lift<result<T>> {
  using type = result<T>;
};
template <class R>
using lifted = typename lift<R>::type;

/// True for result<T>.
template <class R>
inline constexpr bool is_result = false;
template <class T>
inline constexpr bool is_result<result<T>> = true;

/// True for std::unexpected<E>: what a lambda returns that forgot `-> weft::result<R>`.
template <class R>
inline constexpr bool bare_error = false;
template <class E>
inline constexpr bool bare_error<std::unexpected<E>> = true;

namespace detail {
int report_failure(const std::error_code& error, std::string_view doing) noexcept;
}

/// The exit status for main(): 0, or the int that the result holds; on error prints "doing: message" to
/// stderr, gives 1.
template <class T>
int exit_status(const result<T>& r, std::string_view doing = {}) noexcept {
  if (!r) return detail::report_failure(r.error(), doing);
  if constexpr (std::same_as<T, int>) return *r;
  else return 0;
}

}  // namespace weft

/// The value of a result; or this function returns its error.
/// A lambda that uses it must say `-> weft::result<R>`.
#define WEFT_TRY(...) WEFT_TRY_NAMED(WEFT_CONCAT(weft_try_, __COUNTER__), __VA_ARGS__)

#define WEFT_TRY_NAMED(r, ...)                   \
  __extension__({                                \
    auto&& r = (__VA_ARGS__);                    \
    if (!r) [[unlikely]]                         \
      return std::unexpected(r.error());         \
    ::weft::take(static_cast<decltype(r)&&>(r)); \
  })
#define WEFT_CONCAT(a, b) WEFT_CONCAT_EXPANDED(a, b)
#define WEFT_CONCAT_EXPANDED(a, b) a##b
