// The switch: five functions that put one stack to sleep and go on with another. This header is all that the
// scheduler sees of it.
//
// A context is a suspended stack: what the backend needs to go on with it. It belongs
// to the stack and not to the fiber: an entry may run one fiber after another on the same stack without any
// switch, and who takes a stack over copies its context along.
//
// The idea: the assembly is inlined at each suspension point and declares everything clobbered, so that the
// compiler saves only what lives there, and each site has its own entry in the branch predictor. Behind a
// function call two alternating fibers cost 12 ns per switch (the `ret` of that function is mispredicted each
// time), inlined 1 ns (all figures: asm_x86_64.hpp).
//
// What does not follow the stack, on purpose:
//   - the floating-point environment (mxcsr, x87 control word, fpcr): nearly no program changes it, and to
//     save and load it costs another 1.1 ns. Who changes it puts it back before suspending.
//   - exceptions in flight: exceptions.hpp, which every suspension point asks first.
//   - errno, thread_locals and the signal mask: they belong to the thread.
//   - a CET shadow stack: Linux gives a process one only if it asks for it (glibc.cpu.x86_shstk). Such a
//     process needs -Dcontext=boost and a Boost that was built for it.
//
// The sanitizers and valgrind hear of every switch (annotations.hpp, valgrind.hpp).
#pragma once

#include <cstddef>

#include <weft/config.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/context/annotations.hpp>
#include <weft/runtime/context/valgrind.hpp>

#if WEFT_CONTEXT_BOOST
#include <weft/runtime/context/boost.hpp>
#elif defined(__x86_64__)
#include <weft/runtime/context/asm_x86_64.hpp>
#elif defined(__aarch64__)
#include <weft/runtime/context/asm_aarch64.hpp>
#else
#error "no assembly switch for this processor: configure with -Dcontext=boost"
#endif

namespace weft::detail {

/// `sp` is stale while the context runs, but always points into its stack.
struct context : suspended {
  [[no_unique_address]] stack_annotation annotation;
};

/// What stays of a context that runs and will not be suspended again: enough for whoever takes its stack.
class abandoned_stack {
 public:
  explicit abandoned_stack(const context& c) noexcept : sp_{c.sp}, annotation_{c.annotation} {}
  void pass_to(context& c) const noexcept {
    c.sp = sp_;
    c.annotation = annotation_;
  }

  /// Tells valgrind that the stack is none: before somebody else can get it, though we may still be on it.
  void forget() const noexcept {
    if (running_on_valgrind) [[unlikely]]
      valgrind_forget_stack(sp_);
  }

 private:
  void* sp_;
  [[no_unique_address]] stack_annotation annotation_;
};

/// Prepares `c` to start `entry` on [base, base + size), at least 512 bytes, when it is first switched to.
/// Writes only to the last 32 bytes of the range (Boost: the last 256).
///
/// Safe from  any thread, while nobody else uses the range; another thread may start the context.
/// Cost       2.5 ns together with its start, its last switch and its end (Boost: 11.6).
inline void context_create(context& c, std::byte* base, std::size_t size, context_entry entry) noexcept {
  if (running_on_valgrind) [[unlikely]]
    valgrind_register_stack(base, size);
  c.annotation.create(base, size);
  static_cast<suspended&>(c) = prepare_stack(base, size, entry);
}

/// Suspends the running context into `from` and goes on with `to`; returns when somebody switches to `from`.
/// Values of thread_locals must be read anew afterwards.
///
/// Safe from  the thread that runs `from`. `to` is another context, new or suspended by this same thread.
/// Cost       1.0 ns (Boost: 4.2), and none of the caller's frame (clang: 16 bytes) beside what lives there.
WEFT_ALWAYS_INLINE void context_switch(context& from, context& to) noexcept {
  from.annotation.leave(to.annotation);
  switch_stack(from, to);
  from.annotation.arrive();
}

/// The last switch of a context that has ended: goes on with `to` and never comes back. `from` stays valid
/// until context_destroy(), and its stack may be used again as soon as `to` runs.
///
/// Safe from  as context_switch().
[[noreturn]] WEFT_ALWAYS_INLINE void context_switch_last(context& from, context& to) noexcept {
  from.annotation.leave_for_good(to.annotation);
  switch_stack_last(from, to);
}

/// Makes `c` stand for the calling thread's own stack, to be switched away from and back to. Needs no
/// context_destroy(). Outside of sanitizers it does nothing.
inline void context_adopt_thread(context& c) noexcept { c.annotation.adopt_thread(); }

/// Frees what sanitizers and valgrind hold for a context that has ended or never started. Does not touch the
/// stack, which may already belong to someone else.
///
/// Safe from  any thread, on any other stack than this one.
inline void context_destroy(context& c) noexcept {
  if (running_on_valgrind) [[unlikely]]
    valgrind_forget_stack(c.sp);
  c.annotation.destroy();
  c.sp = nullptr;
}

}  // namespace weft::detail
