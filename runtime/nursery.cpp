#include <weft/runtime/nursery.hpp>

#include <mutex>

#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft {
namespace {

detail::scheduler& scheduler_here() noexcept {
  WEFT_ASSERT(detail::worker::current() != nullptr, "a nursery is made by a fiber");
  return detail::worker::current()->owner();
}

}  // namespace

nursery::nursery(nursery_options o) noexcept
    : scheduler_{scheduler_here()},
      owner_{detail::current_fiber()},
      until_{detail::deadline_here()},
      options_{o} {}

nursery::~nursery() {
  const detail::fiber* const self = detail::current_fiber();
  WEFT_ASSERT(self != nullptr, "a nursery is destroyed by a fiber");
  if (count_.live() != 0) group_.stop(stop_reason::parent);
  count_.wait(deadline::never(), /*cancellable=*/false);
  const failure lost = take_failure();
  if (lost && !lost.echo) on_thread_stack([&] { scheduler_.report_failure(*self, lost.thrown, lost.error); });
}

void nursery::spawner_stopped() noexcept {
  if (detail::current_fiber() != owner_) return;
  group_.stop(owner_->wants_stop() ? stop_reason::parent : stop_reason::timeout);
}

// Keeps the first failure, or one that is more than an echo instead of one that is not. False: `f` is not the
// one that counts; then it is what nobody will see: the one before, perhaps.
bool nursery::keep(failure& f) noexcept {
  const std::lock_guard hold{lock_};
  if (failure_ && (!failure_.echo || f.echo)) return false;
  failure_ = std::move(f);
  f = {};
  return true;
}

void nursery::child_failed(detail::fiber& self, std::exception_ptr thrown, std::error_code error) noexcept {
  failure f{std::move(thrown), error};
  f.echo = f.thrown == nullptr && error == errc::canceled && group_.stopped();
  const bool reported = options_.on_failure == on_failure::report;
  const bool kept = !reported && keep(f);
  if (kept) {
    group_.stop(stop_reason::error);
  } else if (f.thrown != nullptr || (reported && error != errc::canceled)) {
    // No exception is lost. The error values of those that are being stopped would only be noise.
    on_thread_stack([&] { scheduler_.report_failure(self, f.thrown, f.error); });
  }
}

void nursery::body_failed(std::error_code error) noexcept {
  failure f{nullptr, error};
  f.echo = error == errc::canceled && group_.stopped();
  (void)keep(f);
  group_.stop(error == errc::canceled            ? stop_reason::parent
              : error == errc::deadline_exceeded ? stop_reason::timeout
                                                 : stop_reason::error);
}

nursery::failure nursery::take_failure() noexcept {
  const std::lock_guard hold{lock_};
  return std::exchange(failure_, {});
}

result<void> nursery::join(deadline until) {
  errc interrupted{};
  for (;;) {
    const bool cancellable = interrupted == errc{};
    const detail::wake_reason how = count_.wait(until, cancellable);
    if (how == detail::wake_reason::woken) break;
    if (how == detail::wake_reason::timed_out && (!cancellable || until <= detail::deadline_here()))
      return std::unexpected(errc::deadline_exceeded);
    interrupted = how == detail::wake_reason::canceled ? errc::canceled : errc::deadline_exceeded;
    group_.stop(interrupted == errc::canceled ? stop_reason::parent : stop_reason::timeout);
  }
  failure first = take_failure();
  if (first.thrown != nullptr) std::rethrow_exception(std::move(first.thrown));
  if (first && !first.echo) return std::unexpected(first.error);
  if (interrupted != errc{}) return std::unexpected(interrupted);
  if (first) return std::unexpected(first.error);
  return {};
}

}  // namespace weft
