// Where the body of a request comes from that is sent in pieces: a borrowed function, called until it has no
// more.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <span>

#include <weft/runtime/base/result.hpp>

namespace weft::http {

/// f(span) writes the next bytes of a body to the span and returns how many; 0 ends the body, an error ends
/// the request.
template <class F>
concept body_producer = requires(F& f, std::span<std::byte> into) {
  { std::invoke(f, into) } -> std::same_as<result<std::size_t>>;
};

namespace detail {

/// Neither owns nor allocates: it lives as long as the call that it was made for. One made of nothing is
/// empty.
class body_feed {
 public:
  body_feed() noexcept = default;
  template <body_producer F>
  explicit body_feed(F& f) noexcept
      : of_{const_cast<void*>(static_cast<const void*>(&f))},
        next_{[](void* of, std::span<std::byte> into) { return std::invoke(*static_cast<F*>(of), into); }} {}

  explicit operator bool() const noexcept { return next_ != nullptr; }
  result<std::size_t> next(std::span<std::byte> into) const { return next_(of_, into); }

 private:
  void* of_ = nullptr;
  result<std::size_t> (*next_)(void* of, std::span<std::byte> into) = nullptr;
};

}  // namespace detail
}  // namespace weft::http
