// A nursery: children that no scope outlives.
//
// Whoever has one waits for all children before it goes, and the first failure, an exception or an error
// value, stops the others and comes out of join() as what it was. The children belong to the nursery: its
// deadline and its stop are theirs, whoever spawns them.
//
// A child is no more than a fiber: no handle, no allocation, one atomic operation when it begins and one when
// it ends. Source: N. J. Smith, "Notes on structured concurrency", 2018 (Trio).
#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <source_location>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/result.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/child.hpp>
#include <weft/runtime/child_count.hpp>
#include <weft/runtime/stop_group.hpp>

namespace weft {

/// What the failure of a child does: stops its siblings and comes out of join(); or goes to the error sink.
enum class on_failure { cancel_all, report };

struct nursery_options {
  /// So many live at a time; a spawn() beyond that waits. 0: any number.
  std::size_t children_max = 0;
  weft::on_failure on_failure = weft::on_failure::cancel_all;
};

class nursery {
 public:
  /// Takes the deadline of the calling fiber for its children. Of a fiber.
  explicit nursery(nursery_options o = {}) noexcept;

  /// Stops the children and waits for them, whatever happens. A failure that no join() gave goes to the error
  /// sink.
  ~nursery();

  nursery(const nursery&) = delete;
  nursery& operator=(const nursery&) = delete;

  /// Runs f in a child. It always starts, even if the nursery has been stopped.
  ///
  /// Blocks     while children_max children live. A spawner that is stopped meanwhile, or late, does not wait
  ///            on; if it is the fiber that made the nursery, the children are stopped too.
  /// Safe from  any fiber or thread, the children included.
  /// Cost       that of go(), and one atomic operation.
  template <action F>
  void spawn(F f, spawn_options o = {}, std::source_location site = std::source_location::current()) {
    enter();
    struct guard {
      nursery* of;
      ~guard() {
        if (of != nullptr) of->count_.leave(of->options_.children_max);
      }
    } counted{this};
    if (o.stop.stop_possible()) [[unlikely]]
      start(detail::stopped_by<F>{std::move(f), o.stop}, o, site);
    else start(std::move(f), o, site);
    counted.of = nullptr;
  }

  /// Waits until no child lives. Children may spawn others meanwhile; afterwards one may spawn again.
  ///
  /// Blocks     the calling fiber or thread, until the last child has ended, or `until`.
  /// Errors     the first failure, rethrown if it was an exception; a `canceled` that only answers the stop
  ///            of the nursery gives way to any other. deadline_exceeded: `until` has passed, and the
  ///            children run on.
  /// Cancelled  passes the stop on to the children, as it does when the caller's own deadline has passed, and
  ///            waits on. Then canceled or deadline_exceeded, unless a child has failed.
  [[nodiscard]] result<void> join(deadline until = deadline::never());

  /// Asks all children, present and future, to stop.
  /// Safe from  any fiber or thread.
  void request_stop(stop_reason why = stop_reason::user) noexcept { group_.stop(why); }

  /// How many children live.
  std::size_t size() const noexcept { return count_.live(); }

  // --- for weft itself

  detail::stop_group& group() noexcept { return group_; }
  void child_ended(detail::fiber& self, std::exception_ptr thrown, std::error_code error) noexcept {
    if (thrown != nullptr || error) [[unlikely]]
      child_failed(self, std::move(thrown), error);
    count_.leave(options_.children_max);  // it may be gone from here on
  }
  /// The body of with_nursery() has failed.
  void body_failed(std::error_code error) noexcept;

 private:
  struct failure {
    std::exception_ptr thrown;
    std::error_code error;
    bool echo = false;  // only answers a stop

    explicit operator bool() const noexcept { return thrown != nullptr || error; }
  };

  template <class F>
  void start(F&& f, const spawn_options& o, std::source_location site) {
    using callable = detail::child<nursery, std::decay_t<F>>;
    detail::spawn_child(scheduler_, callable{this, std::forward<F>(f)},
                        detail::run_child<nursery, std::decay_t<F>>, o, site, until_,
                        detail::fiber::detached);
  }

  void enter() noexcept {
    if (count_.enter(options_.children_max) != detail::wake_reason::woken) [[unlikely]]
      spawner_stopped();
  }

  WEFT_NOINLINE void spawner_stopped() noexcept;
  WEFT_NOINLINE void child_failed(detail::fiber& self, std::exception_ptr thrown,
                                  std::error_code error) noexcept;
  bool keep(failure& f) noexcept;
  failure take_failure() noexcept;

  detail::stop_group group_;
  detail::child_count count_{group_};
  detail::scheduler& scheduler_;
  detail::fiber* const owner_;  // who made it
  const deadline until_;        // the children's
  const nursery_options options_;
  detail::thread_mutex lock_;  // guards failure_
  failure failure_;            // the first
};

/// Runs f with a nursery, and joins it when f ends. A failure of f stops the children, and a failure of a
/// child cancels f.
///
/// Errors     the first failure, as nursery::join() gives it. What f throws passes through, once the children
///            have been stopped and have ended.
/// Safe from  fibers.
template <std::invocable<nursery&> F>
[[nodiscard]] result<void> with_nursery(F&& f, nursery_options o = {}) {
  using R = std::invoke_result_t<F, nursery&>;
  static_assert(outcome<R>, "the body of with_nursery() returns void or result<void>");
  nursery n{o};
  {
    const detail::body_scope scope{*detail::current_fiber(), n.group()};
    if constexpr (std::is_void_v<R>) std::invoke(std::forward<F>(f), n);
    else if (const R r = std::invoke(std::forward<F>(f), n); !r) n.body_failed(r.error());
  }
  return n.join();
}

}  // namespace weft
