// Computations that take turns although they never yield, and the guard that keeps one whole.
//
// A worker runs one fiber at a time, and a fiber that computes for long keeps all others of its worker
// waiting. Inside a region that is marked so, a fiber is switched out after its slice (options.slice) at
// whatever instruction it is, and goes on there when it is its turn again. Nothing that it calls may mind
// that: only computation, and this_fiber::checkpoint(), are allowed in a region. No memory is allocated, no
// lock taken, no stdio used, no library loaded and nothing else of weft called: the next fiber would find the
// lock taken, or the list half changed.
//
// It happens on x86-64 only, in code of the program itself (not of shared libraries), and not under the
// sanitizers or valgrind; elsewhere a region runs like any other code.
#pragma once

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <weft/runtime/park.hpp>
#include <weft/runtime/preempt/region_mark.hpp>

namespace weft {
namespace detail {

/// The region that the calling fiber is in while it lives. Does nothing on a foreign thread.
class preemptible_region {
 public:
  preemptible_region() noexcept;
  preemptible_region(const preemptible_region&) = delete;
  preemptible_region& operator=(const preemptible_region&) = delete;
  ~preemptible_region();

 private:
  fiber* const self_;
  const std::uint8_t before_;
};

}  // namespace detail

/// Runs f, which only computes, and gives what it gives; the calling fiber may be switched out anywhere in it
/// once its slice is over.
///
/// Errors     rethrows what f throws. No preemption while an exception is in flight.
/// Safe from  any fiber; elsewhere it just calls f. Nests.
/// Cost       20 ns; the first ones of a worker allocate a buffer for the registers each.
template <std::invocable F>
std::invoke_result_t<F> preemptible(F&& f) {
  const detail::preemptible_region here;
  return std::invoke(std::forward<F>(f));
}

/// While it lives, the calling fiber is not switched out, though it is in a preemptible region. Nests.
///
/// Safe from  any fiber; does nothing elsewhere. It is destroyed where it was made.
/// Cost       10 ns.
class preempt_guard {
 public:
  preempt_guard() noexcept
      : self_{detail::worker::current() == nullptr ? nullptr : detail::worker::current()->running()},
        before_{self_ == nullptr ? std::uint8_t{0} : self_->region.get()} {
    if (self_ != nullptr) self_->region.set(before_ | detail::region_mark::guarded);
    detail::signal_fence(std::memory_order_seq_cst);
  }
  preempt_guard(const preempt_guard&) = delete;
  preempt_guard& operator=(const preempt_guard&) = delete;
  ~preempt_guard() {
    detail::signal_fence(std::memory_order_seq_cst);
    if (self_ != nullptr) self_->region.set(before_);
  }

 private:
  detail::fiber* const self_;
  const std::uint8_t before_;
};

}  // namespace weft
