#include <weft/runtime/preempt/preempt_signal.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdint>
#include <mutex>

#include <ucontext.h>
#include <unistd.h>

#include <weft/pools/arena_map.hpp>
#include <weft/pools/pool_lock.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/interrupted.hpp>
#include <weft/runtime/preempt/backtrace.hpp>
#include <weft/runtime/preempt/interrupted_call.hpp>
#include <weft/runtime/preempt/own_text.hpp>
#include <weft/runtime/preempt/pulse.hpp>
#include <weft/runtime/preempt/region_mark.hpp>
#include <weft/runtime/preempt/switch_out.hpp>
#include <weft/runtime/worker.hpp>

namespace weft::detail {
namespace {

// What a fiber must have left of its stack to be switched out: the red zone, and a yield by way of the loop.
constexpr std::uintptr_t stack_wanted = 768;

bool has_room(const fiber& f, const registers& at) noexcept {
  stack_place place;
  return find_stack(reinterpret_cast<void*>(at.stack_pointer), place) && !place.in_guard &&
         place.base == f.stack &&
         at.stack_pointer - reinterpret_cast<std::uintptr_t>(place.base) >= stack_wanted;
}

// False: not now.
bool leave_region(worker& here, fiber& f, ucontext_t& context) noexcept {
  const registers at = interrupted(context);
  if (f.region.get() != region_mark::open || here.has_exception_in_flight() ||
      !in_own_text(at.program_counter) || !has_room(f, at))
    return false;
  side_buffers& buffers = here.preemption().buffers;
  side_buffer* const b = buffers.take();
  if (b == nullptr) return false;
  if (switch_out(context, f, *b)) return true;
  buffers.give(*b);
  return false;
}

void preempt(worker& here, ucontext_t& context) noexcept {
  preempt_counters& counters = here.preemption().counters;
  fiber* const f = here.running();
  if (f == nullptr) return preempt_counters::count(counters.refused);
  here.cut_batch();
  if (f->region.get() == region_mark::none) return;
  preempt_counters::count(leave_region(here, *f, context) ? counters.preemptions : counters.refused);
}

void take_snapshot(worker& here, const ucontext_t& context) noexcept {
  snapshot& seen = here.preemption().seen;
  std::uint32_t wanted = snapshot::wanted;
  if (!seen.step.compare_exchange_strong(wanted, snapshot::being_taken, std::memory_order_acquire)) return;
  const fiber* const f = here.running();
  seen.has_moved = pulse_of(here) != seen.of;
  seen.text_size =
      f == nullptr ? 0 : static_cast<std::uint32_t>(describe_into(*f, seen.text, sizeof seen.text));
  seen.frames_count = static_cast<std::uint32_t>(backtrace_of(context, seen.frames));
  seen.step.store(snapshot::taken, std::memory_order_release);
  futex_wake(&seen.step, INT_MAX);
}

// --- the handler

constexpr int signals_max = 64;

struct installation {
  unsigned count = 0;
  bool chained = false;       // somebody came after us: our handler must stay
  struct sigaction former{};  // written before ours is in place, read by it
};

constinit pool_lock install_lock;
constinit std::array<installation, signals_max + 1> installed{};

// As the kernel does, but for the mask, which stays.
void hand_on(int signal, siginfo_t* info, void* context) noexcept {
  const struct sigaction& former = installed[static_cast<std::size_t>(signal)].former;
  if ((former.sa_flags & SA_SIGINFO) != 0) former.sa_sigaction(signal, info, context);
  else if (former.sa_handler != SIG_DFL && former.sa_handler != SIG_IGN) former.sa_handler(signal);
}

void handle(int signal, siginfo_t* info, void* context) noexcept {
  worker* const here = worker::current();
  const std::uint32_t asked =
      here == nullptr ? 0 : here->preemption().asked.exchange(0, std::memory_order_acquire);
  if (asked == 0) return hand_on(signal, info, context);
  const int error = errno;
  auto& interrupted_at = *static_cast<ucontext_t*>(context);
  begin_again(interrupted_at);
  if ((asked & preempt_state::ask_snapshot) != 0) take_snapshot(*here, interrupted_at);
  if ((asked & preempt_state::ask_yield) != 0) preempt(*here, interrupted_at);
  errno = error;
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == handle;
}

}  // namespace

void install_preempt_handler(int signal) noexcept {
  read_own_text();
  const std::lock_guard hold{install_lock};
  installation& at = installed[static_cast<std::size_t>(signal)];
  if (at.count++ != 0 || at.chained) return;
  struct sigaction ours{};
  ours.sa_sigaction = handle;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigaction(signal, nullptr, &at.former);
  sigaction(signal, &ours, nullptr);
}

void remove_preempt_handler(int signal) noexcept {
  const std::lock_guard hold{install_lock};
  installation& at = installed[static_cast<std::size_t>(signal)];
  if (--at.count != 0 || at.chained) return;
  struct sigaction current{};
  sigaction(signal, nullptr, &current);
  if (is_ours(current)) sigaction(signal, &at.former, nullptr);
  else at.chained = true;
}

void admit_preempt_signal(worker& here, int signal) noexcept {
  preempt_state& state = here.preemption();
  state.thread = pthread_self();
  state.tid = gettid();
  note_environment();
  if (signal == 0) return;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ++here.counters().signal_masks;
}

}  // namespace weft::detail
