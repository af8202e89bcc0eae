#include "arrivals.hpp"

#include <cerrno>
#include <ctime>

#include <poll.h>
#include <sys/timerfd.h>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/system_failure.hpp>

weft::result<int> arrivals::open_timer() noexcept {
  const int fd = ::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) return weft::detail::system_failure();
  return fd;
}

weft::result<std::int64_t> arrivals::next() {
  WEFT_TRY(waiting_.acquire(weft::deadline::never()));
  return when_.at(taken_++);
}

weft::result<void> arrivals::run() {
  constexpr std::int64_t second = 1'000'000'000;
  for (;;) {
    const std::uint64_t due = when_.due_by(weft::detail::steady_ns());
    if (due != due_) waiting_.release(static_cast<std::ptrdiff_t>(due - due_));
    due_ = due;
    const std::int64_t next = when_.at(due);
    itimerspec at{};
    at.it_value = {.tv_sec = next / second, .tv_nsec = next % second};
    if (::timerfd_settime(timer_.native_handle(), TFD_TIMER_ABSTIME, &at, nullptr) != 0)
      return weft::detail::system_failure();
    WEFT_TRY(timer_.poll(POLLIN));
  }
}

void arrivals::add_untaken(std::int64_t now, std::uint64_t requests_each, waits& to) const {
  const std::uint64_t due = when_.due_by(now);
  for (std::uint64_t n = taken_; n < due; ++n) to.add(now - when_.at(n), requests_each);
}
