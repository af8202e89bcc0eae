#include <weft/io/perform_on_thread.hpp>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/io/attempt.hpp>

namespace weft::detail {
namespace {

using asked_by = pending_operation::asked_by;

// How late a foreign thread may hear that its descriptor is being closed. A guess.
constexpr std::int64_t slice_ns = 20'000'000;

short events_of(const operation& op) noexcept {
  switch (op.code) {
    case operation_code::poll: return static_cast<short>(op.flags);
    case operation_code::write:
    case operation_code::writev:
    case operation_code::send:
    case operation_code::send_zero_copy:
    case operation_code::connect: return POLLOUT;
    default: return POLLIN;
  }
}

int ask_ready(const operation& op, std::int64_t ns, short& seen) noexcept {
  pollfd ready{op.fd, events_of(op), 0};
  const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
  const int count = ::ppoll(&ready, 1, &timeout, nullptr);
  seen = ready.revents;
  return count >= 0 || errno == EINTR ? 0 : -errno;
}

// One try: the result, or must_wait.
int try_once(operation& op, bool seen_ready, short seen) noexcept {
  switch (op.code) {
    case operation_code::close: return ::close(op.fd) == 0 ? 0 : -errno;
    case operation_code::shutdown: return ::shutdown(op.fd, static_cast<int>(op.flags)) == 0 ? 0 : -errno;
    case operation_code::poll: return (seen & POLLNVAL) != 0 ? -EBADF : seen != 0 ? seen : must_wait;
    default: {
      const int outcome = attempt(op, seen_ready);
      return outcome == needs_thread ? perform_blocking(op) : outcome;
    }
  }
}

}  // namespace

outcome perform_on_thread(pending_operation& p, deadline until) noexcept {
  if (p.cancellable) until = std::min(until, this_thread.until());
  p.poller_result = 0;
  short seen = 0;
  for (bool asked_once = false;; asked_once = true) {
    if (p.closed != nullptr && p.closed->load(std::memory_order_acquire)) p.asked = asked_by::close;
    p.ended = p.asked == asked_by::nobody ? try_once(p, seen != 0, seen) : -ECANCELED;
    if (p.ended == must_wait && asked_once && until.expired()) {
      p.asked = asked_by::deadline;
      p.ended = progress_or(p, -ECANCELED);
    }
    if (p.ended == must_wait) {
      const std::int64_t left = until.is_never() ? slice_ns : std::min(until.remaining().count(), slice_ns);
      p.ended = ask_ready(p, left, seen);
      if (p.ended == 0) continue;
    }
    return final_outcome(p.ended, p.asked);
  }
}

}  // namespace weft::detail
