// race(): several ways to the same result, of which the first that succeeds counts.
#pragma once

#include <type_traits>
#include <utility>

#include <weft/runtime/base/result.hpp>
#include <weft/runtime/body.hpp>
#include <weft/runtime/join_set.hpp>
#include <weft/runtime/outcome.hpp>

namespace weft {
namespace detail {

// The winner, whose outcome is the caller's; if nobody succeeds, the last that has failed. All others have
// been stopped, have ended, and are forgotten.
template <class T>
fiber& run_race(join_set_core& runners) noexcept {
  fiber* last = nullptr;
  bool won = false;
  while (runners.size() != 0) {
    fiber& f = won ? runners.take_shielded() : runners.take();
    if (won) {
      release_fiber(f);
      continue;
    }
    if (last != nullptr) release_fiber(*last);
    last = &f;
    won = !has_thrown(f) && stored<result<T>>::get(f).has_value();
    if (won) runners.group().stop(stop_reason::parent);
  }
  return *last;
}

}  // namespace detail

/// Runs all f at once, each in a fiber of its own, and gives the first success; the others are stopped and
/// have ended when it returns. Without a success: the last failure. So f may use the caller's stack.
///
/// Blocks     the calling fiber, until all f have ended.
/// Errors     the last failure, rethrown if it was an exception. What the losers fail with is lost.
/// Cancelled  a stop is passed on to all f.
/// Safe from  fibers.
template <body... F>
  requires(sizeof...(F) != 0)
[[nodiscard]] std::common_type_t<lifted<returns_t<F>>...> race(F... f) {
  using T = typename std::common_type_t<lifted<returns_t<F>>...>::value_type;
  detail::join_set_core runners;
  (runners.spawn(detail::child<detail::join_set_core, F>{&runners, std::move(f)}, detail::run_joined<T, F>,
                 spawn_options{.name = "race"}, std::source_location::current()),
   ...);
  return detail::take_joined<T>(detail::run_race<T>(runners));
}

}  // namespace weft
