// task<R>: the handle of a spawned fiber. It owns the fiber's outcome, and by default waits for it.
#pragma once

#include <utility>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/body.hpp>
#include <weft/runtime/join.hpp>
#include <weft/runtime/outcome.hpp>
#include <weft/runtime/stop.hpp>

namespace weft {

template <class R>
class [[nodiscard]] task {
 public:
  /// Names no fiber.
  task() noexcept = default;
  task(task&& other) noexcept : fiber_{std::exchange(other.fiber_, nullptr)} {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      abandon();
      fiber_ = std::exchange(other.fiber_, nullptr);
    }
    return *this;
  }
  /// Asks the fiber to stop and waits for it. A failure that nobody took goes to the error sink.
  ~task() { abandon(); }

  /// Waits for the end; once. The callable and its captures are gone by then.
  ///
  /// Blocks     the calling fiber or foreign thread.
  /// Errors     rethrows what the fiber has thrown.
  /// Cancelled  is no cancellation point: a stop is passed on to the fiber, and the wait goes on.
  WEFT_ALWAYS_INLINE R join() {  // inline: a return behind a switch is mispredicted
    WEFT_ASSERT(fiber_ != nullptr, "join() of a task that names no fiber, or was joined or detached");
    detail::await_end(*fiber_);
    return take();
  }

  /// Waits for the end, until `until`.
  ///
  /// Errors     canceled, deadline_exceeded: the fiber still runs, and the task still names it. Rethrows as
  ///            join() does.
  [[nodiscard]] lifted<R> join(deadline until) {
    WEFT_ASSERT(fiber_ != nullptr, "join() of a task that names no fiber, or was joined or detached");
    WEFT_TRY(detail::await_end_until(*fiber_, until));
    if constexpr (std::is_void_v<R>) {
      take();
      return {};
    } else {
      return take();
    }
  }

  /// Whether it names a fiber: not yet joined, detached, or moved from.
  bool joinable() const noexcept { return fiber_ != nullptr; }

  /// Asks the fiber to stop. False: it had been asked, or has ended. Safe from any thread.
  bool request_stop(stop_reason why = stop_reason::user) noexcept {
    WEFT_ASSERT(fiber_ != nullptr, "request_stop() of a task that names no fiber");
    return detail::request_stop(*fiber_, why);
  }

  /// Lets the fiber go on by itself. Its failure will go to the error sink.
  void detach() noexcept {
    WEFT_ASSERT(fiber_ != nullptr, "detach() of a task that names no fiber");
    detail::detach(*std::exchange(fiber_, nullptr));
  }

  /// Waits for the end and takes nothing: a join() afterwards does not wait.
  ///
  /// Errors     canceled, deadline_exceeded: the fiber still runs.
  [[nodiscard]] result<void> wait(deadline until) noexcept {
    WEFT_ASSERT(fiber_ != nullptr, "wait() of a task that names no fiber, or was joined or detached");
    return detail::await_end_until(*fiber_, until);
  }

  fiber_id get_id() const noexcept { return fiber_ == nullptr ? fiber_id{} : fiber_->id; }

  /// For select: the fiber that it names, or null.
  detail::fiber* named() const noexcept { return fiber_; }

  /// For weft itself.
  explicit task(detail::fiber& f) noexcept : fiber_{&f} {}

 private:
  R take() {
    detail::fiber& f = *std::exchange(fiber_, nullptr);
    if (detail::has_thrown(f)) [[unlikely]]
      detail::rethrow(f);
    if constexpr (std::is_void_v<R>) {
      detail::release_fiber(f);
    } else {
      struct releaser {
        detail::fiber& of;
        ~releaser() { detail::release_fiber(of); }
      } const last{f};
      return std::move(detail::stored<R>::get(f));
    }
  }

  void abandon() noexcept {
    if (fiber_ != nullptr) detail::abandon(*std::exchange(fiber_, nullptr));
  }

  detail::fiber* fiber_ = nullptr;
};

}  // namespace weft
