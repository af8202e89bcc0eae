// A deadline for everything that a call does.
//
// The deadline is the fiber's for that long: every wait that is a cancellation point looks at it, as it looks
// for a stop, and fibers that are spawned meanwhile begin with it. So it reaches what f calls without being
// passed on, and it can only become earlier on the way down.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/park.hpp>

namespace weft {
namespace detail {

/// While it lives, the calling fiber or foreign thread has this deadline, or the earlier one that it had.
class deadline_scope {
 public:
  explicit deadline_scope(deadline at) noexcept
      : self_{current_fiber()}, before_{self_ != nullptr ? self_->until : this_thread.until()} {
    if (at >= before_) return;
    set(at);
    if (self_ != nullptr && !self_->hurried()) self_->call_attention();
  }
  ~deadline_scope() { set(before_); }
  deadline_scope(const deadline_scope&) = delete;
  deadline_scope& operator=(const deadline_scope&) = delete;

 private:
  void set(deadline at) noexcept {
    if (self_ != nullptr) self_->until = at;
    else this_thread.set_until(at);
  }

  fiber* const self_;
  const deadline before_;
};

}  // namespace detail

/// Runs f with a deadline: the earlier of `at` and the one that the caller has already.
///
/// Errors     every cancellable wait in f ends with deadline_exceeded by then, its own deadline or not; what
///            comes of that is for f to say.
/// Cancelled  as f is. Waits that are no cancellation points (join(), mutex::lock()) are not ended either.
/// Safe from  any fiber or thread.
/// Cost       at most one atomic operation.
template <std::invocable F>
std::invoke_result_t<F> with_deadline(deadline at, F&& f) {
  const detail::deadline_scope limited{at};
  return std::invoke(std::forward<F>(f));
}

}  // namespace weft
