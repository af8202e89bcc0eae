// One select, while it goes on: tries its cases in random order, then waits for all of them.
//
// Trying is inline, so that a select whose case is ready costs little more than that case alone. The order is
// a shuffle that is carried only as far as it is looked at.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <weft/runtime/alternative.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/select_source.hpp>

namespace weft::detail {

/// The alternative of a case while select waits, or nothing.
template <class Waiting>
struct waiting_case {
  template <class Source, class Slot>
  waiting_case(const std::tuple<const wait&, const Source&, Slot&, bool>& of) noexcept
      : waiting{std::get<1>(of).wait_with(std::get<0>(of), std::get<2>(of))}, enabled{std::get<3>(of)} {}

  alternative* get() noexcept { return enabled ? &waiting : nullptr; }

  Waiting waiting;
  bool enabled;
};

template <>
struct waiting_case<void> {
  template <class Source, class Slot>
  waiting_case(const std::tuple<const wait&, const Source&, Slot&, bool>&) noexcept {}

  static alternative* get() noexcept { return nullptr; }
};

template <class... Cases>
class selection {
  static constexpr std::size_t count = sizeof...(Cases);
  static_assert(count <= alternatives_max, "a select of so many cases wants another design");

  template <std::size_t I>
  using case_at = std::tuple_element_t<I, std::tuple<Cases...>>;
  template <std::size_t I>
  using source_at = decltype(case_at<I>::of);
  template <class Source>
  static constexpr std::size_t count_of = (std::size_t{std::same_as<decltype(Cases::of), Source>} + ... + 0);
  static_assert(count_of<otherwise_source> <= 1, "a select has more than one otherwise()");
  using indices = std::make_index_sequence<count>;

 public:
  explicit selection(Cases&... cases) noexcept : cases_{cases...} {}

  WEFT_ALWAYS_INLINE result<std::size_t> run() {
    std::size_t chosen = try_all();
    if (chosen == none) [[unlikely]] {
      chosen = otherwise_of(indices{});
      if (chosen == none) chosen = wait_for_one(indices{});
      if (chosen > count)
        return std::unexpected(chosen == canceled ? errc::canceled : errc::deadline_exceeded);
    }
    deliver(chosen, indices{});
    return chosen;
  }

 private:
  static constexpr std::size_t none = count, canceled = count + 1, too_late = count + 2;

  // The first that is ready, now done; or none.
  WEFT_ALWAYS_INLINE std::size_t try_all() {
    if constexpr (count == 0) {
      return none;
    } else if constexpr (count <= 2) {
      std::size_t at = count == 1 ? 0 : random_below(2);
      for (std::size_t tries = 0; tries < count; ++tries, at = 1 - at)
        if (attempt(at, indices{})) return at;
      return none;
    } else {
      std::array<std::uint8_t, count> order;
      for (std::size_t i = 0; i < count; ++i) order[i] = static_cast<std::uint8_t>(i);
      for (std::size_t i = 0; i < count; ++i) {
        std::swap(order[i], order[i + random_below(static_cast<std::uint32_t>(count - i))]);
        if (attempt(order[i], indices{})) return order[i];
      }
      return none;
    }
  }

  template <std::size_t... I>
  WEFT_ALWAYS_INLINE bool attempt(std::size_t at, std::index_sequence<I...>) {
    bool done = false;
    (void)((I == at && (done = attempt_of<I>(), true)) || ...);
    return done;
  }
  template <std::size_t I>
  WEFT_ALWAYS_INLINE bool attempt_of() {
    auto& c = std::get<I>(cases_);
    return c.enabled && c.of.attempt(std::get<I>(slots_));
  }

  template <std::size_t... I>
  WEFT_ALWAYS_INLINE void deliver(std::size_t chosen, std::index_sequence<I...>) {
    (void)((I == chosen && (deliver_of<I>(), true)) || ...);
  }
  template <std::size_t I>
  WEFT_ALWAYS_INLINE void deliver_of() {
    auto& c = std::get<I>(cases_);
    c.of.deliver(std::get<I>(slots_), c.f);
  }

  template <std::size_t... I>
  std::size_t otherwise_of(std::index_sequence<I...>) const noexcept {
    std::size_t at = none;
    if constexpr (count_of<otherwise_source> != 0)
      (void)((std::same_as<source_at<I>, otherwise_source> && std::get<I>(cases_).enabled &&
              (at = I, true)) ||
             ...);
    return at;
  }

  struct timeout {
    deadline at;
    std::size_t index = none;
  };
  template <std::size_t... I>
  timeout first_timeout(std::index_sequence<I...>) const noexcept {
    timeout first;
    (look_at_timeout<I>(first), ...);
    return first;
  }
  template <std::size_t I>
  void look_at_timeout(timeout& first) const noexcept {
    if constexpr (std::same_as<source_at<I>, timeout_source>) {
      const auto& c = std::get<I>(cases_);
      if (c.enabled && c.of.at < first.at) first = {c.of.at, I};
    }
  }

  template <std::size_t... I>
  WEFT_NOINLINE std::size_t wait_for_one(std::index_sequence<I...>) {
    const timeout limit = first_timeout(indices{});
    select_wait begun;
    std::tuple<waiting_case<typename source_at<I>::waiting>...> waiting{
        std::tuple<const wait&, const source_at<I>&, typename source_at<I>::slot&, bool>{
            begun, std::get<I>(cases_).of, std::get<I>(slots_), std::get<I>(cases_).enabled}...};
    const std::array<alternative*, count> all{std::get<I>(waiting).get()...};
    for (;;) {
      const first_come how = await_one(all, begun, limit.at, count_of<join_source> != 0);
      switch (how.how) {
        case first_come::end::happened: (settle<I>(how.index, waiting), ...); return how.index;
        case first_come::end::canceled: return canceled;
        case first_come::end::timed_out:
          return limit.index == none || deadline_here() < limit.at ? too_late : limit.index;
        case first_come::end::look:
          if (const std::size_t chosen = try_all(); chosen != none) return chosen;
      }
    }
  }
  template <std::size_t I, class Waiting>
  void settle(std::size_t chosen, Waiting& waiting) {
    if constexpr (!std::is_void_v<typename source_at<I>::waiting>)
      if (I == chosen) std::get<I>(cases_).of.settle(std::get<I>(slots_), std::get<I>(waiting).waiting);
  }

  std::tuple<Cases&...> cases_;
  std::tuple<typename decltype(Cases::of)::slot...> slots_;
};

}  // namespace weft::detail
