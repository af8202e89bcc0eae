// The switch through Boost.Context's fcontext: every processor that Boost knows, at 4.2 ns.
//
// jump_fcontext() hands the suspended context to whoever goes on, so `from` is written after the jump, by the
// other side. Until then it lends a fresh stack the context it was started with (see boost.cpp).
#pragma once

#include <cstddef>

#include <boost/context/detail/fcontext.hpp>

#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/context/annotations.hpp>

namespace weft::detail {

/// Writes the first words of a stack that will call `entry`.
void* prepare_stack(std::byte* base, std::size_t size, context_entry entry) noexcept;

WEFT_ALWAYS_INLINE void switch_stack(void*& from, void* to) noexcept {
  from = to;
  const boost::context::detail::transfer_t came = boost::context::detail::jump_fcontext(to, &from);
  *static_cast<void**>(came.data) = came.fctx;
}

[[noreturn]] WEFT_ALWAYS_INLINE void switch_stack_last(void*& from, void* to) noexcept {
  from = to;
  boost::context::detail::jump_fcontext(to, &from);
  __builtin_unreachable();
}

}  // namespace weft::detail
