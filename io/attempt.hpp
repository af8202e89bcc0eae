// One try at an operation by plain system calls that do not wait: what the epoll backend does before it
// waits, and again whenever the descriptor is ready.
//
// Descriptors may be in blocking mode. Sockets are asked with MSG_DONTWAIT and everything else with
// RWF_NOWAIT, which leaves the mode alone; what knows neither (terminals, timerfd, eventfd writes) is called
// only after poll(2) said ready, and never for more than a pipe takes in one piece. There is no such flag for
// accept and connect: they set O_NONBLOCK, for good.
#pragma once

#include <climits>

#include <weft/runtime/operation.hpp>

namespace weft::detail {

/// attempt() instead of a result: the descriptor is not ready.
inline constexpr int must_wait = INT_MIN;
/// attempt() instead of a result: a file that has no readiness, so that only a thread can wait for it.
inline constexpr int needs_thread = INT_MIN + 1;

/// Tries `op`, which has a code that a descriptor can be ready for. Its progress is in op.poller_result, 0 at
/// first. `seen_ready`: the kernel has reported the descriptor ready since the last try.
int attempt(operation& op, bool seen_ready) noexcept;

/// What attempt() has got done of an operation that will not go on: its bytes so far, or `otherwise`.
int progress_or(const operation& op, int otherwise) noexcept;

/// As attempt() for reads and writes, and waits for as long as it takes.
int perform_blocking(const operation& op) noexcept;

/// One connection from `op.fd`, or must_wait, or -errno. For accept and accept_many.
int attempt_accept(const operation& op) noexcept;

/// 0 if connections can be accepted from `fd`, which is made non-blocking, else -errno.
int prepare_accept(int fd) noexcept;

}  // namespace weft::detail
