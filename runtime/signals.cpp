#include <weft/runtime/signals.hpp>

#include <pthread.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstddef>
#include <mutex>
#include <new>
#include <utility>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/intrusive_list.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/park.hpp>
#include <weft/runtime/thread_stack.hpp>

namespace weft::signals {
namespace {

// Bit n - 1 stands for signal n: the kernel has 64.
using signal_set = std::uint64_t;
constexpr int signals_max = 64;
constexpr signal_set bit(int number) noexcept { return signal_set{1} << (number - 1); }
constexpr int lowest(signal_set set) noexcept { return std::countr_zero(set) + 1; }

// What a handler touches, on whatever thread it runs, at whatever moment, perhaps long after the last waiter
// has left; so these words outlive every thread. The handler sets its bit in `arrived` and then looks at
// `caught`; the last leaver clears `caught` and then looks at `arrived`. So at least one of them sees that
// nobody waits any more, and whoever takes the bit out of `arrived` sends the signal again, under the
// restored disposition.
constinit detail::atomic<signal_set> arrived{0};
constinit detail::atomic<signal_set> caught{0};   // somebody waits for them
constinit detail::atomic<std::uint32_t> bell{0};  // the thread sleeps on it

void ring() noexcept {
  bell.fetch_add(1, std::memory_order_release);
  detail::futex_wake(&bell, 1);
}

extern "C" void weft_signal_arrived(int number) {
  const int saved = errno;
  const signal_set self = bit(number);
  arrived.fetch_or(self, std::memory_order_seq_cst);
  if ((caught.load(std::memory_order_seq_cst) & self) != 0) ring();
  else if ((arrived.fetch_and(~self, std::memory_order_relaxed) & self) != 0) ::kill(::getpid(), number);
  errno = saved;
}

struct waiter : detail::wait, detail::list_node {
  explicit waiter(signal_set set) noexcept : wait{/*cancellable=*/true}, wanted{set} {}
  const signal_set wanted;
  int got = 0;
  waiter* next_woken = nullptr;
};

// Who waits, and what was installed before; all of it guarded by `lock`.
struct registry {
  detail::thread_mutex lock;
  detail::intrusive_list<waiter> waiters;
  detail::intrusive_list<detail::signal_watcher> watchers;
  bool thread_runs = false;
  unsigned users[signals_max] = {};
  struct sigaction previous[signals_max];
};

// Never destroyed: the thread may outlive main().
alignas(registry) constinit std::byte registry_memory[sizeof(registry)] = {};
registry& here() noexcept {
  static registry& instance = *new (registry_memory) registry;
  return instance;
}

signal_set watched() noexcept {
  signal_set all = 0;
  for (const detail::signal_watcher& w : here().watchers) all |= w.wanted();
  return all;
}

signal_set waited_for() noexcept {
  signal_set all = watched();
  for (const waiter& w : here().waiters) all |= w.wanted;
  return all;
}

void ring_watchers(signal_set come) noexcept {
  for (detail::signal_watcher& w : here().watchers)
    if ((w.wanted() & come) != 0) w.ring();
}

// Gives what has come to all who wait for it and have nothing yet, and tells those who watch. A copy of what
// a waiter already has is dropped; what is left over, and nobody watches, stays for the disposition that the
// last leaver restores. Returns whom to wake_all() once the lock is free: they stay in wait() until then.
[[nodiscard]] waiter* deliver() noexcept {
  signal_set open = 0, given = 0;
  for (const waiter& w : here().waiters) {
    if (w.got == 0) open |= w.wanted;
    else given |= bit(w.got);
  }
  const signal_set seen = watched();
  const signal_set taken = arrived.fetch_and(~(open | given | seen), std::memory_order_acquire);
  ring_watchers(taken);
  const signal_set come = taken & open;
  if (come == 0) return nullptr;
  waiter* woken = nullptr;
  for (waiter& w : here().waiters) {
    if (w.got != 0 || (w.wanted & come) == 0) continue;
    w.got = lowest(w.wanted & come);
    given |= bit(w.got);
    if (!w.claim(detail::wake_reason::woken)) continue;
    // A foreign thread may run as soon as it is claimed; it takes the lock once more before it goes.
    if (w.who->is_fiber()) w.next_woken = std::exchange(woken, &w);
    else w.who->resume();
  }
  arrived.fetch_or(come & ~given & ~seen, std::memory_order_relaxed);
  return woken;
}

void wake_all(waiter* woken) noexcept {
  while (woken != nullptr) std::exchange(woken, woken->next_woken)->who->resume();
}

void install(int number) noexcept {
  caught.fetch_or(bit(number), std::memory_order_relaxed);
  struct sigaction action = {};
  action.sa_handler = weft_signal_arrived;
  action.sa_flags = SA_ONSTACK | SA_RESTART;
  ::sigfillset(&action.sa_mask);
  ::sigaction(number, &action, &here().previous[number - 1]);
}

void restore(int number) noexcept {
  struct sigaction current;
  ::sigaction(number, nullptr, &current);
  if (current.sa_handler == weft_signal_arrived) ::sigaction(number, &here().previous[number - 1], nullptr);
  caught.fetch_and(~bit(number), std::memory_order_seq_cst);
}

// Signals that were caught with nobody left to wait for them: once more, under the disposition that holds
// now.
void raise_again(signal_set set) noexcept {
  for (; set != 0; set &= set - 1) ::kill(::getpid(), lowest(set));
}

void* run_thread(void*) noexcept {
  for (;;) {
    const std::uint32_t seen = bell.load(std::memory_order_acquire);
    sigset_t mask;
    ::sigfillset(&mask);
    waiter* woken = nullptr;
    bool last = false;
    {
      const std::lock_guard guard{here().lock};
      woken = deliver();
      last = here().waiters.empty() && here().watchers.empty();
      if (last) here().thread_runs = false;
      for (signal_set open = waited_for(); open != 0; open &= open - 1) ::sigdelset(&mask, lowest(open));
    }
    wake_all(woken);
    ::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
    if (last) return nullptr;  // with all of them blocked, so that none is delivered to a thread that ends
    detail::futex_wait(bell, seen, deadline::never());
  }
}

int start_thread() noexcept {
  if (here().thread_runs) return 0;
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_attr_setsigmask_np(&attributes, &all);
  pthread_t thread;
  const int error = ::pthread_create(&thread, &attributes, run_thread, nullptr);
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return error;
  ::pthread_setname_np(thread, "weft-signals");
  here().thread_runs = true;
  return 0;
}

void begin_to_catch(signal_set set) noexcept {
  for (; set != 0; set &= set - 1)
    if (here().users[lowest(set) - 1]++ == 0) install(lowest(set));
}

// Returns what has come of those that nobody wants any more.
[[nodiscard]] signal_set cease_to_catch(signal_set set) noexcept {
  signal_set left_over = 0;
  for (; set != 0; set &= set - 1) {
    if (--here().users[lowest(set) - 1] != 0) continue;
    restore(lowest(set));
    left_over |= bit(lowest(set));
  }
  return left_over & arrived.fetch_and(~left_over, std::memory_order_seq_cst);
}

// 0, or an errno.
int enter(waiter& self) noexcept {
  const std::lock_guard guard{here().lock};
  if (const int error = start_thread(); error != 0) return error;
  begin_to_catch(self.wanted);
  here().waiters.push_back(self);
  ring();  // the thread's mask
  return 0;
}

void leave(waiter& self) noexcept {
  signal_set left_over = 0;
  waiter* woken = nullptr;
  {
    const std::lock_guard guard{here().lock};
    woken = deliver();  // what has come before this moment is still for us, whatever ended the wait
    self.unlink();
    left_over = cease_to_catch(self.wanted);
    if (self.got != 0) left_over &= ~bit(self.got);
    if (here().waiters.empty()) ring();  // the thread ends
  }
  wake_all(woken);
  raise_again(left_over);
}

// What a handler that returns, or none at all, can be about.
result<signal_set> checked(std::initializer_list<int> which) noexcept {
  constexpr signal_set never =
      bit(SIGKILL) | bit(SIGSTOP) | bit(SIGSEGV) | bit(SIGBUS) | bit(SIGFPE) | bit(SIGILL);
  signal_set set = 0;
  for (const int number : which) {
    if (number < 1 || number > SIGRTMAX || (number > SIGSYS && number < SIGRTMIN) ||
        (bit(number) & never) != 0)
      return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    set |= bit(number);
  }
  if (set == 0) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  return set;
}

}  // namespace

result<int> wait(std::initializer_list<int> which, deadline until) {
  waiter self{WEFT_TRY(checked(which))};
  // Starting a thread and sigaction() want more stack than a fiber need have.
  const int error = on_thread_stack([&] { return enter(self); });
  if (error != 0) return std::unexpected(std::error_code{error, std::system_category()});
  const detail::wake_reason ended = detail::park(self, until, detail::park_reason::signal);
  on_thread_stack([&] { leave(self); });
  if (self.got != 0) return self.got;
  return std::unexpected(ended == detail::wake_reason::canceled ? errc::canceled : errc::deadline_exceeded);
}

namespace {

result<void> begin_to_watch(detail::signal_watcher& w, int number) {
  const signal_set set = WEFT_TRY(checked({number}));
  const std::lock_guard guard{here().lock};
  if (const int error = start_thread(); error != 0)
    return std::unexpected(std::error_code{error, std::system_category()});
  begin_to_catch(set);
  here().watchers.push_back(w);
  ring();  // the thread's mask
  return {};
}

void cease_to_watch(detail::signal_watcher& w) noexcept {
  signal_set left_over = 0;
  waiter* woken = nullptr;
  {
    const std::lock_guard guard{here().lock};
    woken = deliver();  // what has come before this moment
    w.unlink();
    left_over = cease_to_catch(w.wanted());
    ring();  // the thread may end
  }
  wake_all(woken);
  raise_again(left_over);
}

}  // namespace
}  // namespace weft::signals

namespace weft::detail {

result<void> signal_watcher::begin() { return signals::begin_to_watch(*this, number_); }

signal_watcher::~signal_watcher() {
  if (linked()) signals::cease_to_watch(*this);
}

void signal_watcher::ring() noexcept {
  bell_.fetch_add(1, std::memory_order_release);
  futex_wake(&bell_, 1);
}

}  // namespace weft::detail
