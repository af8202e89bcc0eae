// Exceptions in flight must follow their fiber.
//
// The C++ runtime keeps per thread which exceptions are caught (a list: the top is what `throw;` and
// std::current_exception() mean) and how many are uncaught. If two fibers suspend inside `catch` and the
// thread's state stays where it is, they swap exceptions (Boost.Context 1.81 does).
//
// The invariant: at every context_switch() the thread's state is zero. A suspension point tests it, one load
// and compare with the state's address at hand; a fiber with exceptions in flight takes the cold path:
//
//     exception_parking parked{state};   // on the fiber's own stack
//     context_switch(...);
//
// Source: __cxa_eh_globals of the Itanium C++ ABI, exception handling, 2.2.2; the same in libstdc++ and
// libc++abi but on 32-bit ARM, which has one word more.
#pragma once

#include <cxxabi.h>

#include <weft/runtime/base/platform.hpp>

namespace weft::detail {

struct exception_state {
  void* caught = nullptr;
  unsigned uncaught = 0;
};

/// The calling thread's state. The address is the thread's for ever: a worker looks it up once.
inline exception_state* thread_exception_state() noexcept {
  return reinterpret_cast<exception_state*>(abi::__cxa_get_globals());
}

/// Whether the running fiber is inside a `catch`, or unwinds (suspended in a destructor).
WEFT_ALWAYS_INLINE bool exception_in_flight(const exception_state* thread) noexcept {
  return thread->caught != nullptr || thread->uncaught != 0;
}

/// Takes the thread's state away while it lives and puts it back afterwards. One suspension of one fiber, on
/// one thread.
class exception_parking {
 public:
  explicit exception_parking(exception_state* thread) noexcept : thread_(thread), parked_(*thread) {
    *thread = {};
  }
  ~exception_parking() { *thread_ = parked_; }
  exception_parking(const exception_parking&) = delete;
  exception_parking& operator=(const exception_parking&) = delete;

 private:
  exception_state* thread_;
  exception_state parked_;
};

}  // namespace weft::detail
