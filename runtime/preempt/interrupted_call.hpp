// A system call that a signal has ended with EINTR, although the interrupted code knows nothing of signals.
//
// SA_RESTART is not for all of them: not for poll(2), select(2), epoll_wait(2), nanosleep(2) and what else
// waits for a time. Theirs would begin anew, which is no loss here, since the monitor asks only threads that
// compute: one that is in a system call all the same has just entered it.
//
// Source: signal(7), "Interruption of system calls"; System V ABI for x86-64, A.2.1.
#pragma once

#include <ucontext.h>

namespace weft::detail {

/// If `context` lies behind such a call, moves it back before that. In a signal handler.
void begin_again(ucontext_t& context) noexcept;

}  // namespace weft::detail
