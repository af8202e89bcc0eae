// Whether one accept goes on for connection after connection, found by accepting two: the list of operations
// that a kernel gives knows accept, and not whether it is multishot.
#pragma once

namespace weft_doctor {

/// 0: it does; else the errno. Cost: a small ring and a few system calls, on the calling thread.
int try_multishot_accept() noexcept;

}  // namespace weft_doctor
