// join_set<T>: children of one scope whose results come out in the order in which they end.
//
// As with a nursery no child outlives it, and its deadline and its stop are the children's; but a failure
// stops nobody: it is a result like the others, for whoever takes it. What the children have left lies in
// their control blocks, so that a child costs no allocation and one atomic operation. Source of the shape:
// tokio's JoinSet.
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/body.hpp>
#include <weft/runtime/join.hpp>
#include <weft/runtime/join_set_core.hpp>
#include <weft/runtime/outcome.hpp>

namespace weft {
namespace detail {

// The root of the stack of a join_set's child: leaves a result<T> in the block.
template <class T, class F>
void run_joined(fiber& self) noexcept {
  using callable = child<join_set_core, F>;
  join_set_core& owner = *stored<callable>::get(self).owner;
  std::exception_ptr thrown = call_member(self, owner.group(), [&] {
    std::optional<result<T>> r;  // gone before the owner hears of the end, whatever is thrown
    {
      const callable_owner<callable> last{self};
      if constexpr (std::is_void_v<returns_t<F>>) {
        call_body(stored<callable>::get(self).f, self);
        r.emplace();
      } else {
        r.emplace(call_body(stored<callable>::get(self).f, self));
      }
    }
    stored<result<T>>::create(self, *std::move(r));
  });
  if (thrown == nullptr) [[likely]] {
    self.outcome = &operations_of<result<T>>;
  } else {
    stored<std::exception_ptr>::create(self, std::move(thrown));
    self.outcome = &thrown_outcome;
  }
  owner.child_ended(self);
}

/// What a child of a join_set has left; rethrows what it has thrown. Releases it.
template <class T>
result<T> take_joined(fiber& f) {
  if (has_thrown(f)) [[unlikely]]
    rethrow(f);
  struct releaser {
    fiber& of;
    ~releaser() { release_fiber(of); }
  } const last{f};
  return std::move(stored<result<T>>::get(f));
}

/// A body whose outcome a result<T> can hold.
template <class F, class T>
concept body_for =
    body<F> &&
    (std::is_void_v<returns_t<F>> ? std::is_void_v<T> : std::is_constructible_v<result<T>, returns_t<F>>);

}  // namespace detail

/// For one fiber or thread at a time, as a container is.
template <class T>
class join_set {
 public:
  /// Takes the deadline of the calling fiber for its children. Of a fiber.
  join_set() noexcept = default;

  /// Stops the children and waits for them, whatever happens. Failures that nobody took go to the error sink.
  ~join_set() = default;

  join_set(const join_set&) = delete;
  join_set& operator=(const join_set&) = delete;

  /// Runs f in a child. It always starts, even if the set has been stopped.
  ///
  /// Blocks     while options.fibers_max fibers live.
  /// Cost       that of spawn().
  template <detail::body_for<T> F>
  void spawn(F f, spawn_options o = {}, std::source_location site = std::source_location::current()) {
    if (o.stop.stop_possible()) [[unlikely]]
      start(detail::stopped_by<F>{std::move(f), o.stop}, o, site);
    else start(std::move(f), o, site);
  }

  /// The result of the child that has ended next; nothing once all were given.
  ///
  /// Blocks     until a child has ended.
  /// Errors     those of the child, in the result. Rethrows what the child has thrown.
  /// Cancelled  is no cancellation point: a stop is passed on to the children, and the wait goes on.
  [[nodiscard]] std::optional<result<T>> join_next() {
    if (core_.size() == 0) return std::nullopt;
    return detail::take_joined<T>(core_.take());
  }

  /// The same, until `until`.
  ///
  /// Errors     canceled, deadline_exceeded: the children run on. Rethrows as join_next() does.
  [[nodiscard]] result<std::optional<result<T>>> join_next(deadline until) {
    if (core_.size() == 0) return std::optional<result<T>>{};
    detail::wake_reason how{};
    detail::fiber* const f = core_.take(until, how);
    if (f == nullptr)
      return std::unexpected(how == detail::wake_reason::canceled ? errc::canceled : errc::deadline_exceeded);
    return std::optional<result<T>>{detail::take_joined<T>(*f)};
  }

  /// The results of all, in the order in which they have ended.
  ///
  /// Blocks     until all children have ended.
  /// Errors     rethrows the first exception, once all have ended; others go to the error sink, and the
  ///            results are gone.
  /// Cancelled  as join_next().
  [[nodiscard]] std::vector<result<T>> join_all() {
    std::vector<result<T>> all;
    all.reserve(core_.size());
    std::exception_ptr thrown;
    while (core_.size() != 0) {
      detail::fiber& f = core_.take();
      if (!detail::has_thrown(f)) [[likely]] {
        all.push_back(detail::take_joined<T>(f));
      } else if (thrown != nullptr) {
        detail::report_and_release(f);
      } else {
        thrown = detail::stored<std::exception_ptr>::get(f);
        detail::release_fiber(f);
      }
    }
    if (thrown != nullptr) std::rethrow_exception(std::move(thrown));
    return all;
  }

  /// How many children were spawned and not yet given, whether they have ended or not.
  std::size_t size() const noexcept { return core_.size(); }

  /// Asks all children, present and future, to stop.
  /// Safe from  any fiber or thread.
  void request_stop(stop_reason why = stop_reason::user) noexcept { core_.group().stop(why); }

 private:
  template <class F>
  void start(F&& f, const spawn_options& o, std::source_location site) {
    using callable = detail::child<detail::join_set_core, std::decay_t<F>>;
    core_.spawn(callable{&core_, std::forward<F>(f)}, detail::run_joined<T, std::decay_t<F>>, o, site);
  }

  detail::join_set_core core_;
};

}  // namespace weft
