// An operation that somebody waits for: submitted, parked on, and returned from only when the kernel has let
// go of it.
//
// A deadline, a stop and a close do not end the wait. They ask the poller to cancel, note that they did, and
// the fiber goes on waiting for the completion: until then its buffer, and the record in its frame, are the
// kernel's. What the caller is told comes from who asked first, unless the operation was faster.
//
// This is the one place where the kernel's answer becomes a weft result.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <weft/runtime/base/result.hpp>
#include <weft/runtime/operation.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/timer_wheel.hpp>

namespace weft::detail {

/// How an operation ended, in one register: what the call gave, or -errno, or failure(). The layers below the
/// public calls pass it on, because each result<> in between would take 24 bytes of a fiber's stack.
using outcome = int;

/// Why it ended that the kernel did not end it.
constexpr outcome failure(errc why) noexcept { return -4096 - static_cast<int>(why); }

/// The error that a negative outcome says.
inline std::error_code error_of(outcome o) noexcept {
  if (o < -4095) return make_error_code(static_cast<errc>(-4096 - o));
  return {-o, std::system_category()};
}

template <class T>
result<T> to_result(outcome o) noexcept {
  if (o < 0) [[unlikely]]
    return std::unexpected(error_of(o));
  if constexpr (std::is_void_v<T>) return {};
  else return static_cast<T>(o);
}

/// In the frame of who waits.
struct pending_operation : wait, operation, timer {
  /// `cancellable`: a stop ends it.
  pending_operation(operation_code code_, int fd_, bool cancellable_ = true) noexcept
      : wait{cancellable_}, timer{expired} {
    code = code_;
    fd = fd_;
    timed = false;  // perform() has one timer for all deadlines
    complete = completed;
    interrupt = interrupted;
  }

  void set_buffer(const void* bytes, std::size_t size) noexcept {
    address = const_cast<void*>(bytes);
    // More than the kernel moves in one call is a short count anyway.
    length = static_cast<std::uint32_t>(size < length_max ? size : length_max);
  }

  static constexpr std::size_t length_max = 0x7ffff000;  // MAX_RW_COUNT: more is never moved in one call

  enum class asked_by : std::uint8_t { nobody, deadline, stop, close };

  /// Asks the kernel to let go. On the worker of who waits.
  void ask(asked_by who_asks) noexcept;

  outcome ended = 0;                     // the last completion's
  bool in_flight = false;                // the poller has it
  asked_by asked = asked_by::nobody;     // who was the first to want it to end
  const atomic<bool>* closed = nullptr;  // what a foreign thread looks at instead of being asked

 private:
  static void completed(operation& self, int result, bool more) noexcept;
  static void interrupted(wait& self, wake_reason reason) noexcept;
  static void expired(timer& self) noexcept;
};

/// Does `p` and waits for its end. An interrupted one (EINTR) is done again.
///
/// Blocks     the calling fiber, until `p` completes; or the calling foreign thread, which does without a
///            poller.
/// Errors     deadline_exceeded, canceled, closed: if that was why it ended. Else the kernel's.
/// Cancelled  `p` may have taken effect in part, as far as a short count says.
outcome perform(pending_operation& p, deadline until) noexcept;

/// What to tell who waits for what has `ended`: for -ECANCELED or -EINTR, why somebody asked; else just that.
outcome final_outcome(outcome ended, pending_operation::asked_by who_asked) noexcept;

/// To be called when I/O has succeeded without a park: a fiber whose data is always there must let others run
/// now and then.
void count_immediate_completion(fiber& self) noexcept;

}  // namespace weft::detail
