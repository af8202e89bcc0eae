// WEFT_ASSERT: what the caller must have done right. On in release; a failure prints what it can and aborts.
//
// The condition is taken apart by operator overloading, so that both operands of a comparison can be printed:
// `splitter <= a == b` parses as `(splitter <= a) == b`. It is evaluated once. Passing costs the compare
// and one branch; failing is one call of a cold function that takes all it prints in registers, because a
// fiber's stack may have little left: it formats into a static buffer, allocates nothing and uses a few
// hundred bytes of stack.
//
// Integers of unlike sign compare by value, as std::cmp_less does. A condition with && or || prints no
// operands.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/platform.hpp>

/// Aborts unless the condition holds: WEFT_ASSERT(used <= size) or WEFT_ASSERT(used <= size, "read past the
/// end"). The sentence is a string literal and says what the caller did wrong. A comma outside parentheses
/// needs a pair of them.
// clang-format off: it does not know what _Pragma is.
#define WEFT_ASSERT(condition, ...)                                                                   \
  do {                                                                                                \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wparentheses\"")                \
    ::weft::detail::assert_holds(                                                                     \
        __FILE__ ":" WEFT_ASSERT_TEXT(__LINE__) ": WEFT_ASSERT(" #condition ") failed"                \
        __VA_OPT__(": " __VA_ARGS__),                                                                 \
        ::weft::detail::assert_splitter{} <= condition);                                              \
    _Pragma("GCC diagnostic pop")                                                                     \
  } while (false)
// clang-format on

/// WEFT_ASSERT where NDEBUG is not defined; else only compiled, never evaluated.
#ifdef NDEBUG
#define WEFT_DEBUG_ASSERT(condition, ...) static_cast<void>(sizeof((condition) ? 1 : 0))
#else
#define WEFT_DEBUG_ASSERT(...) WEFT_ASSERT(__VA_ARGS__)
#endif

#define WEFT_ASSERT_TEXT(x) WEFT_ASSERT_TEXT_EXPANDED(x)
#define WEFT_ASSERT_TEXT_EXPANDED(x) #x

namespace weft::detail {

/// Writes into `out` which fiber runs and what it is doing, and returns how many of the `size` bytes it used;
/// 0 outside of fibers. Runs on the stack of whoever failed: no allocation, no formatting library, small
/// frames.
using assert_describer = std::size_t (*)(char* out, std::size_t size) noexcept;

/// Sets the one describer of the process; nullptr for none. Safe from any thread.
void set_assert_describer(assert_describer describer) noexcept;

enum class assert_kind : std::uint8_t {
  none,              // nothing to print
  boolean,           // first
  signed_integer,    // first
  unsigned_integer,  // first
  character,         // first
  pointer,           // first
  string,            // first = its characters, second = how many
  error,             // first = its std::error_category, second = its value
  bytes,             // first = its address, second = how many
};

/// One operand as fail_assert() prints it: two words, which travel in registers.
struct assert_operand {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

/// `kinds`: the left operand's assert_kind in the low byte, the right one's in the next.
[[noreturn, gnu::cold, gnu::noinline]] void fail_assert(const char* text, unsigned kinds, assert_operand left,
                                                        assert_operand right) noexcept;

// --- how each type is printed

template <class T>
concept assert_text = std::is_convertible_v<const T&, std::string_view> && !std::is_pointer_v<T>;

template <class T>
concept assert_duration = requires(const T& value) {
  typename T::period;
  { value.count() } -> std::convertible_to<std::int64_t>;
} && std::is_integral_v<typename T::rep>;

template <class T>
concept assert_fallible = requires(const T& value) {
  { value.error() } -> std::convertible_to<const std::error_code&>;
};

template <class T>
consteval assert_kind assert_kind_of() {
  using enum assert_kind;
  if constexpr (std::is_same_v<T, bool>) return boolean;
  else if constexpr (std::is_same_v<T, char>) return character;
  else if constexpr (std::is_enum_v<T>) return assert_kind_of<std::underlying_type_t<T>>();
  else if constexpr (std::is_integral_v<T> && sizeof(T) <= 8)
    return std::is_signed_v<T> ? signed_integer : unsigned_integer;
  else if constexpr (std::is_pointer_v<T> || std::is_null_pointer_v<T>) return pointer;
  else if constexpr (assert_text<T>) return string;
  else if constexpr (std::is_same_v<T, std::error_code>) return error;
  else if constexpr (assert_duration<T>) return signed_integer;
  else return bytes;
}

template <class T>
WEFT_ALWAYS_INLINE assert_operand assert_operand_of(const T& value) noexcept {
  const auto address = [](const volatile void* p) {
    return std::uint64_t{reinterpret_cast<std::uintptr_t>(p)};
  };
  constexpr assert_kind kind = assert_kind_of<T>();
  if constexpr (std::is_null_pointer_v<T>) {
    return {};
  } else if constexpr (std::is_pointer_v<T>) {
    return {std::uint64_t{std::bit_cast<std::uintptr_t>(value)}};
  } else if constexpr (kind == assert_kind::string && std::is_array_v<T>) {
    return {address(value), strnlen(value, sizeof(value))};
  } else if constexpr (kind == assert_kind::string) {
    const std::string_view text = value;
    return {address(text.data()), text.size()};
  } else if constexpr (kind == assert_kind::error) {
    return {address(&value.category()), static_cast<std::uint64_t>(value.value())};
  } else if constexpr (assert_duration<T>) {
    return {static_cast<std::uint64_t>(value.count())};
  } else if constexpr (kind == assert_kind::bytes) {
    return {address(std::addressof(value)), sizeof(T)};
  } else {
    return {static_cast<std::uint64_t>(value)};
  }
}

// --- the condition, taken apart

/// Scalars are copied, so that they stay in registers and can be bit-fields; the rest is referred to.
template <class T>
using assert_stored = std::conditional_t<std::is_scalar_v<T>, std::remove_cv_t<T>, const T&>;

template <class L, class R>
struct assert_comparison {
  bool holds;
  assert_stored<L> left;
  assert_stored<R> right;

  constexpr explicit operator bool() const noexcept { return holds; }
};

template <class T>
concept assert_number = std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> &&
                        !std::is_same_v<T, wchar_t> && !std::is_same_v<T, char8_t> &&
                        !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t> && sizeof(T) <= 8;

template <class L, class R>
concept assert_unlike = assert_number<std::remove_cv_t<L>> && assert_number<std::remove_cv_t<R>> &&
                        std::is_signed_v<L> != std::is_signed_v<R>;

/// The left operand, waiting for a comparison; alone, it is the condition.
template <class L>
struct assert_left {
  assert_stored<L> value;

  constexpr explicit operator bool() const { return static_cast<bool>(value); }

#define WEFT_ASSERT_OPERATOR(op, compare)                                 \
  template <class R>                                                      \
  WEFT_ALWAYS_INLINE constexpr auto operator op(const R& right) const {   \
    using comparison = assert_comparison<L, R>;                           \
    if constexpr (assert_unlike<L, R>) {                                  \
      return comparison{std::compare(value, right), value, right};        \
    } else {                                                              \
      return comparison{static_cast<bool>(value op right), value, right}; \
    }                                                                     \
  }
  WEFT_ASSERT_OPERATOR(==, cmp_equal)
  WEFT_ASSERT_OPERATOR(!=, cmp_not_equal)
  WEFT_ASSERT_OPERATOR(<, cmp_less)
  WEFT_ASSERT_OPERATOR(>, cmp_greater)
  WEFT_ASSERT_OPERATOR(<=, cmp_less_equal)
  WEFT_ASSERT_OPERATOR(>=, cmp_greater_equal)
#undef WEFT_ASSERT_OPERATOR
};

struct assert_splitter {
  template <class L>
  WEFT_ALWAYS_INLINE constexpr assert_left<L> operator<=(const L& left) const noexcept {
    return {left};
  }
};

template <class L, class R>
WEFT_ALWAYS_INLINE constexpr void assert_holds(const char* text, const assert_comparison<L, R>& condition) {
  if (condition.holds) [[likely]]
    return;
  constexpr auto left = assert_kind_of<std::remove_cv_t<L>>();
  constexpr auto right = assert_kind_of<std::remove_cv_t<R>>();
  fail_assert(text, static_cast<unsigned>(left) | static_cast<unsigned>(right) << 8,
              assert_operand_of<std::remove_cv_t<L>>(condition.left),
              assert_operand_of<std::remove_cv_t<R>>(condition.right));
}

/// A condition without comparison: what is false or null needs no printing, but a result says its error.
template <class L>
WEFT_ALWAYS_INLINE constexpr void assert_holds(const char* text, const assert_left<L>& condition) {
  if (condition) [[likely]]
    return;
  if constexpr (assert_fallible<L>) {
    fail_assert(text, static_cast<unsigned>(assert_kind::error),
                assert_operand_of<std::error_code>(condition.value.error()), {});
  } else {
    fail_assert(text, 0, {}, {});
  }
}

WEFT_ALWAYS_INLINE constexpr void assert_holds(const char* text, bool condition) {
  if (condition) [[likely]]
    return;
  fail_assert(text, 0, {}, {});
}

}  // namespace weft::detail
