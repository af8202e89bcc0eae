// The class of stack for a fiber that does little.
#pragma once

#include <weft/pools/stack_class.hpp>

#include "build_kind.hpp"

namespace weft_test {

/// AddressSanitizer's memset alone takes 2 KiB.
inline constexpr weft::stack_class smallest_stack =
    sanitized ? weft::stack_class::kib16 : weft::stack_class::kib4;

}  // namespace weft_test
