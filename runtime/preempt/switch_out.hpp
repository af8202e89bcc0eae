// How a fiber is switched out at any instruction: per processor, chosen by meson.
#pragma once

#include <ucontext.h>

namespace weft::detail {

class worker;
struct fiber;
struct registers;
struct side_buffer;

/// Makes the handler return into a yield of `self` instead of where it came from; the yield returns there,
/// with every register as it was, by way of `b`. False: it cannot, and nothing is changed.
bool switch_out(ucontext_t& context, fiber& self, side_buffer& b) noexcept;

/// The floating-point environment that the calling thread has now is what it has after each switch_out().
void note_environment() noexcept;

}  // namespace weft::detail
