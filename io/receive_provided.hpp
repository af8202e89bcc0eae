// operation_code::recv_provided by plain system calls, where the kernel does not choose the buffer: once a
// descriptor is ready, a buffer is taken and filled.
#pragma once

#include <weft/io/provided_buffers.hpp>
#include <weft/runtime/operation.hpp>

namespace weft::detail {

/// One try: its result, with the buffer in op.address; -ENOBUFS: none is free; must_wait; or -errno. On the
/// worker's own stack.
int receive_provided(provided_buffers& from, operation& op) noexcept;

}  // namespace weft::detail
