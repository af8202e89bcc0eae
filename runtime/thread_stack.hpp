// on_thread_stack(f): runs f where there is room.
#pragma once

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <weft/runtime/park.hpp>

namespace weft {

/// Runs f on the worker's own stack of 8 MiB, and gives what f gives. For calls that need more stack than the
/// fiber has and do not wait: formatting, parsing, compression.
///
/// Blocks     nobody else's code runs on this worker meanwhile; f must not suspend (asserted).
/// Errors     rethrows what f throws.
/// Safe from  fibers; on a foreign thread it just calls f.
/// Cost       two switches: 5 ns.
template <std::invocable F>
std::invoke_result_t<F> on_thread_stack(F&& f) {
  using R = std::invoke_result_t<F>;
  detail::fiber* const self = detail::current_fiber();
  if (self == nullptr) return std::invoke(std::forward<F>(f));
  using slot = std::conditional_t<std::is_void_v<R>, bool,
                                  std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, R>>;
  struct call {
    F& f;
    std::optional<slot> value{};
    std::exception_ptr thrown{};

    static void run(void* self_) noexcept {
      call& c = *static_cast<call*>(self_);
      try {
        if constexpr (std::is_void_v<R>) std::invoke(std::forward<F>(c.f));
        else if constexpr (std::is_reference_v<R>) c.value.emplace(&std::invoke(std::forward<F>(c.f)));
        else c.value.emplace(std::invoke(std::forward<F>(c.f)));
      } catch (...) {  // root of the other stack: goes on below
        c.thrown = std::current_exception();
      }
    }
  } c{f};
  detail::worker::current()->call_on_thread_stack(*self, call::run, &c);
  if (c.thrown != nullptr) [[unlikely]]
    std::rethrow_exception(c.thrown);
  if constexpr (std::is_reference_v<R>) return static_cast<R>(**c.value);
  else if constexpr (!std::is_void_v<R>) return std::move(*c.value);
}

}  // namespace weft
