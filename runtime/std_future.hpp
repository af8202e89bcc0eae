// adopt(): a std::future as a weft::future, which a fiber can wait for without stopping its worker.
//
// Nothing tells when a std::future is ready but a thread that waits for it. So one that is not ready yet
// takes a thread of the offload pool (blocking.hpp) until it is.
#pragma once

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <system_error>
#include <type_traits>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/future.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/thread_state.hpp>

namespace weft {
namespace detail {

template <class T>
struct adoption : offload_job {
  explicit adoption(std::future<T>&& f) : from{std::move(f)} { run = run_on_thread; }

  void settle() noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        from.get();
        to.set_value();
      } else {
        to.set_value(from.get());
      }
    } catch (...) {  // root of the pool's thread: goes on where the future is asked
      to.set_exception(std::current_exception());
    }
  }

  static void run_on_thread(offload_job& self) noexcept {
    this_thread.of_pool = true;
    const std::unique_ptr<adoption> owned{static_cast<adoption*>(&self)};
    owned->settle();
  }

  std::future<T> from;
  promise<T> to{};
};

}  // namespace detail

/// A future that gets what `from` gets: value or exception. A deferred one is run on the pool.
///
/// Errors     if the pool's queue is full, the future holds std::system_error with errc::limit.
/// Safe from  any fiber. The runtime does not end before `from` is ready.
/// Cost       a thread of the pool until then; none if it is ready already.
template <class T>
future<T> adopt(std::future<T> from) {
  WEFT_ASSERT(from.valid(), "a std::future was adopted that waits for nothing");
  WEFT_ASSERT(detail::current_fiber() != nullptr, "adopt() is for fibers: a thread just waits");
  auto made = std::make_unique<detail::adoption<T>>(std::move(from));
  future<T> adopted = made->to.get_future();
  if (made->from.wait_for(std::chrono::seconds{0}) == std::future_status::ready) {
    made->settle();
  } else if (detail::worker::current()->owner().offload().submit(*made)) {
    (void)made.release();  // its own from here on
  } else {
    made->to.set_exception(std::make_exception_ptr(
        std::system_error{make_error_code(errc::limit), "weft::adopt: the offload queue is full"}));
  }
  return adopted;
}

}  // namespace weft
