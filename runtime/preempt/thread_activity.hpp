// What another thread of this process is doing, as the kernel knows it.
#pragma once

#include <cstdint>
#include <string>

#include <pthread.h>
#include <sys/types.h>

namespace weft::detail {

/// The processor time that it has used, in nanoseconds. Cost: a system call.
std::int64_t cpu_ns_of(pthread_t thread) noexcept;

/// Whether it sleeps in a system call (proc(5): state S or D of /proc/self/task/TID/stat). If that cannot be
/// read (no /proc, no descriptor left): whether it gets no processor for a moment, for whatever reason.
/// Cost: three system calls.
bool sleeps_in_kernel(pthread_t thread, pid_t tid) noexcept;

/// The system call that it is in, as "read" or "system call 448"; empty if it is in none or the kernel does
/// not tell.
std::string system_call_of(pid_t tid);

}  // namespace weft::detail
