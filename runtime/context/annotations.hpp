// What AddressSanitizer and ThreadSanitizer must hear about a stack. Without them stack_annotation is empty
// and every call vanishes.
//
//   create, adopt_thread     a stack comes into being
//
//   leave, leave_for_good    immediately before the jump: from here on, memory accesses count as the next
//                            context's
//
//   arrive, arrive_first     the first thing after it, on the stack that goes on
//
//   destroy                  the stack is no longer one
//
// The annotation belongs to the stack and is copied with its context. Source:
// sanitizer/common_interface_defs.h and sanitizer/tsan_interface.h.
#pragma once

#include <cstddef>

#include <weft/runtime/base/platform.hpp>

#if WEFT_ASAN
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif WEFT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace weft::detail {

/// Runs first on a fresh stack and finds by itself what to do (through the thread's worker). Never returns.
using context_entry = void (*)() noexcept;

#if WEFT_ASAN

class stack_annotation {
 public:
  static constexpr bool in_force = true;

  void create(std::byte* base, std::size_t size) noexcept {
    base_ = base;
    size_ = size;
    fake_stack_ = nullptr;
    // Frames that never returned (the last switch of a fiber leaves some) left their red zones behind.
    __asan_unpoison_memory_region(base, size);
  }

  void adopt_thread() noexcept {
    pthread_attr_t attributes;
    void* base = nullptr;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
    pthread_attr_getstack(&attributes, &base, &size_);
    pthread_attr_destroy(&attributes);
    base_ = base;
  }

  WEFT_ALWAYS_INLINE void leave(const stack_annotation& to) noexcept {
    __sanitizer_start_switch_fiber(&fake_stack_, to.base_, to.size_);
  }
  /// Without a place to keep it, the frames that were moved off the stack (use-after-return) are freed.
  WEFT_ALWAYS_INLINE void leave_for_good(const stack_annotation& to) noexcept {
    __sanitizer_start_switch_fiber(nullptr, to.base_, to.size_);
  }
  WEFT_ALWAYS_INLINE void arrive() noexcept {
    __sanitizer_finish_switch_fiber(fake_stack_, nullptr, nullptr);
  }
  WEFT_ALWAYS_INLINE static void arrive_first() noexcept {
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
  }
  void destroy() noexcept {}

 private:
  const void* base_ = nullptr;
  std::size_t size_ = 0;
  void* fake_stack_ = nullptr;  // frames that ASan keeps elsewhere, while the context is suspended
};

#elif WEFT_TSAN

class stack_annotation {
 public:
  static constexpr bool in_force = true;

  void create(std::byte*, std::size_t) noexcept {
    fiber_ = __tsan_create_fiber(0);
    owned_ = true;
  }
  void adopt_thread() noexcept {
    fiber_ = __tsan_get_current_fiber();
    owned_ = false;
  }
  /// Flags 0: what one fiber wrote before the switch is visible to the next one, as it is in truth.
  WEFT_ALWAYS_INLINE void leave(const stack_annotation& to) noexcept { __tsan_switch_to_fiber(to.fiber_, 0); }
  WEFT_ALWAYS_INLINE void leave_for_good(const stack_annotation& to) noexcept { leave(to); }
  WEFT_ALWAYS_INLINE void arrive() noexcept {}
  WEFT_ALWAYS_INLINE static void arrive_first() noexcept {}
  void destroy() noexcept {
    if (owned_) __tsan_destroy_fiber(fiber_);
    owned_ = false;
  }

 private:
  void* fiber_ = nullptr;
  bool owned_ = false;  // a thread's own fiber goes with the thread
};

#else

class stack_annotation {
 public:
  static constexpr bool in_force = false;

  void create(std::byte*, std::size_t) noexcept {}
  void adopt_thread() noexcept {}
  void leave(const stack_annotation&) noexcept {}
  void leave_for_good(const stack_annotation&) noexcept {}
  void arrive() noexcept {}
  static void arrive_first() noexcept {}
  void destroy() noexcept {}
};

#endif

/// The outermost function of a fresh stack where it must be announced: arrive_first(), then `entry`.
[[noreturn]] void begin_annotated(context_entry entry) noexcept;

/// What the assembly calls first, with `entry` as its argument; `entry` itself ignores it.
inline void* first_function(context_entry entry) noexcept {
  return stack_annotation::in_force ? reinterpret_cast<void*>(&begin_annotated)
                                    : reinterpret_cast<void*>(entry);
}

}  // namespace weft::detail
