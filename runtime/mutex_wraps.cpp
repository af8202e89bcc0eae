// What pthread_mutex_lock() and its kin are in a debug build. Everything that waits for a condition gives the
// mutex back as it got it, so there is nothing to count.
#include <ctime>

#include <pthread.h>

#include <weft/runtime/held_mutexes.hpp>

extern "C" {
// The linker's names, which C++ reserves.
int real_lock(pthread_mutex_t*) noexcept asm("__real_pthread_mutex_lock");
int real_trylock(pthread_mutex_t*) noexcept asm("__real_pthread_mutex_trylock");
int real_timedlock(pthread_mutex_t*, const timespec*) noexcept asm("__real_pthread_mutex_timedlock");
int real_clocklock(pthread_mutex_t*, clockid_t, const timespec*) noexcept
    asm("__real_pthread_mutex_clocklock");
int real_unlock(pthread_mutex_t*) noexcept asm("__real_pthread_mutex_unlock");
int wrapped_lock(pthread_mutex_t*) noexcept asm("__wrap_pthread_mutex_lock");
int wrapped_trylock(pthread_mutex_t*) noexcept asm("__wrap_pthread_mutex_trylock");
int wrapped_timedlock(pthread_mutex_t*, const timespec*) noexcept asm("__wrap_pthread_mutex_timedlock");
int wrapped_clocklock(pthread_mutex_t*, clockid_t, const timespec*) noexcept
    asm("__wrap_pthread_mutex_clocklock");
int wrapped_unlock(pthread_mutex_t*) noexcept asm("__wrap_pthread_mutex_unlock");
}

namespace {

using weft::detail::held_here;

// `outcome`: of the call.
int taken(int outcome, const void* at) noexcept {
  if (outcome == 0 && held_here.count++ == 0) held_here.locked_at = at;
  return outcome;
}

}  // namespace

int wrapped_lock(pthread_mutex_t* m) noexcept { return taken(real_lock(m), __builtin_return_address(0)); }

int wrapped_trylock(pthread_mutex_t* m) noexcept {
  return taken(real_trylock(m), __builtin_return_address(0));
}

int wrapped_timedlock(pthread_mutex_t* m, const timespec* until) noexcept {
  return taken(real_timedlock(m, until), __builtin_return_address(0));
}

int wrapped_clocklock(pthread_mutex_t* m, clockid_t clock, const timespec* until) noexcept {
  return taken(real_clocklock(m, clock, until), __builtin_return_address(0));
}

int wrapped_unlock(pthread_mutex_t* m) noexcept {
  if (held_here.count > 0) --held_here.count;  // else it was told and forgotten, or is another thread's
  return real_unlock(m);
}
