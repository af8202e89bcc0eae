#include <weft/runtime/park.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

#include <sys/eventfd.h>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/census.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/stop.hpp>
#include <weft/runtime/stop_scope.hpp>
#include <weft/runtime/trace/events.hpp>

namespace weft::detail {

constinit thread_local thread_state this_thread;

// The parkers of foreign threads: type-stable, as control blocks are, so that a late resume() wakes another
// thread for no reason at worst.
struct thread_parker : parker {
  thread_parker() noexcept : parker{/*is_fiber=*/false} {}

  thread_parker* next = nullptr;  // in free_parkers
  atomic<int> bell{-1};           // made by the first wait that needs it, and never closed
};

namespace {

// Ends the wait of a fiber when its deadline passes.
struct wait_timer : timer {
  wait* of = nullptr;

  static void fire(timer& self) noexcept {
    wait& w = *static_cast<wait_timer&>(self).of;
    w.interrupt(w, wake_reason::timed_out);
  }
};

constinit thread_mutex free_lock;
constinit thread_parker* free_parkers = nullptr;  // guarded by free_lock

parker* take_thread_parker() noexcept {
  const std::lock_guard hold{free_lock};
  if (free_parkers == nullptr) return new thread_parker;  // never deleted
  return std::exchange(free_parkers, free_parkers->next);
}

}  // namespace

void parker::resume_thread(thread_parker& sleeper) noexcept {
  futex_wake(&sleeper.word_, 1);
  const int bell = sleeper.bell.load(std::memory_order_relaxed);
  if (bell >= 0) [[unlikely]]
    (void)::eventfd_write(bell, 1);
}

int parker::bell_of_this_thread() noexcept {
  auto& own = static_cast<thread_parker&>(of_this_thread());
  int bell = own.bell.load(std::memory_order_relaxed);
  if (bell < 0) {
    bell = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    own.bell.store(bell, std::memory_order_relaxed);
  }
  return bell;
}

// Runs on the home worker's thread, whose run queue it is; from elsewhere the fiber goes home as a message.
void parker::resume() noexcept {
  worker* const here = this_thread.waker;
  if (here != nullptr) {
    if (fiber* const f = fiber_of(*here)) return here->make_ready(*f);
  }
  resume_elsewhere();
}

// Or here, while it is traced.
void parker::resume_elsewhere() noexcept {
  if (!is_fiber_) return resume_thread(static_cast<thread_parker&>(*this));
  worker* const here = worker::current();
  fiber& f = static_cast<fiber&>(*this);
  if (trace::detail::events_on()) [[unlikely]]
    trace::detail::woken(f);
  worker* const home = f.home.load(std::memory_order_relaxed);
  if (here == home) return home->make_ready(f);
  f.deliver = [](message& m, worker& receiver) noexcept { receiver.make_ready(static_cast<fiber&>(m)); };
  if (here == nullptr && !this_thread.of_pool) [[unlikely]]
    f.deliver = [](message& m, worker& receiver) noexcept {
      census::woken_from_outside(static_cast<fiber&>(m));
      receiver.make_ready(static_cast<fiber&>(m));
    };
  home->messages().push(f);
}

wake_reason parker::block(std::uint32_t number, deadline until) noexcept {
  while (word_.load(std::memory_order_acquire) == number)
    if (!futex_wait(word_, number, until) && claim(number, wake_reason::timed_out)) break;
  return outcome();
}

parker& parker::of_this_thread() noexcept {
  if (this_thread.waiting == nullptr) [[unlikely]] {
    struct leaver {
      ~leaver() { leave_thread(); }
    };
    [[maybe_unused]] static thread_local leaver at_thread_exit;
    this_thread.waiting = take_thread_parker();
  }
  return *this_thread.waiting;
}

void parker::leave_thread() noexcept {
  if (this_thread.waiting == nullptr) return;
  auto* const own = static_cast<thread_parker*>(std::exchange(this_thread.waiting, nullptr));
  const std::lock_guard hold{free_lock};
  own->next = std::exchange(free_parkers, own);
}

wake_reason park_thread(wait& w, deadline until, park_reason why) noexcept {
  // It may be woken, and then wake others, while all fibers are asleep.
  const bool at_primitive = waits_at_a_primitive(why);
  if (at_primitive) census::foreign_wait_begins(w, why);
  const wake_reason how =
      w.who->block(w.number, w.cancellable && w.timed ? std::min(until, this_thread.until()) : until);
  if (at_primitive) census::foreign_wait_ends();
  return how;
}

wake_reason park_until(fiber& self, wait& w, deadline until) noexcept {
  worker& here = *worker::current();
  bool stopped = false;
  if (w.cancellable && self.hurried()) {
    stopped = heed(self);
    if (w.timed) until = std::min(until, self.until);
  }
  wait_timer t;
  t.expire = wait_timer::fire;
  t.of = &w;
  if (stopped) {
    follow_stop(self);
    w.interrupt(w, wake_reason::canceled);
  } else if (until.is_past()) {
    w.interrupt(w, wake_reason::timed_out);
  } else if (!until.is_never()) {
    here.timers().insert(t, until.at);
  }
  here.suspend(self);
  here.timers().cancel(t);
  return w.who->outcome();
}

}  // namespace weft::detail
