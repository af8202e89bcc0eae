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

/// What it takes to go on with a suspended stack.
struct suspended {
  void* sp = nullptr;
};

/// Writes the first words of a stack that will call `entry`.
suspended prepare_stack(std::byte* base, std::size_t size, context_entry entry) noexcept;

WEFT_ALWAYS_INLINE void switch_stack(suspended& from, suspended& to) noexcept {
  from = to;
  const boost::context::detail::transfer_t came = boost::context::detail::jump_fcontext(to.sp, &from);
  static_cast<suspended*>(came.data)->sp = came.fctx;
}

[[noreturn]] WEFT_ALWAYS_INLINE void switch_stack_last(suspended& from, suspended& to) noexcept {
  from = to;
  boost::context::detail::jump_fcontext(to.sp, &from);
  __builtin_unreachable();
}

}  // namespace weft::detail
