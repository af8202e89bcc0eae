// The preemption signal: its handler, and who it belongs to.
//
// The monitor asks something of a worker and sends it the signal; the handler, on the worker's alternate
// stack, does what is asked. A signal that nobody asked for goes to whoever had the handler before.
#pragma once

namespace weft::detail {

class worker;

/// Handles `signal` from now on. Counted: each call needs its removal. Safe from any thread.
void install_preempt_handler(int signal) noexcept;

/// The last removal puts the handler back that was there at first, unless somebody else's has come since.
void remove_preempt_handler(int signal) noexcept;

/// Lets the calling thread, a worker's, receive it: the one system call that changes its mask.
void admit_preempt_signal(worker& here, int signal) noexcept;

}  // namespace weft::detail
