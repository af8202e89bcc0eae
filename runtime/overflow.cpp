// The handler and its report. All of it may run in a signal handler, but for installing and removing.
#include <weft/runtime/overflow.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string_view>

#include <dlfcn.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <weft/pools/arena_map.hpp>
#include <weft/pools/pool_lock.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/platform.hpp>
#include <weft/runtime/interrupted.hpp>

namespace weft::detail {
namespace {

// --- the text

/// What was written so far. What exceeds the room is cut off; the end of the report matters least.
class text {
 public:
  text& operator<<(std::string_view s) noexcept {
    const std::size_t count = std::min(s.size(), bytes_.size() - used_);
    std::memcpy(bytes_.data() + used_, s.data(), count);
    used_ += count;
    return *this;
  }
  text& number(std::uintptr_t value, unsigned base) noexcept {
    char digits[20];
    std::size_t at = sizeof(digits);
    do {
      digits[--at] = "0123456789abcdef"[value % base];
      value /= base;
    } while (value != 0);
    return *this << std::string_view{digits + at, sizeof(digits) - at};
  }
  text& decimal(std::uintptr_t value) noexcept { return number(value, 10); }
  text& hexadecimal(std::uintptr_t value) noexcept { return (*this << "0x").number(value, 16); }

  /// What somebody else writes at the end: f(out, size) returns how much. False: nothing.
  template <class F>
  bool append(F f) noexcept {
    const std::size_t room = bytes_.size() - used_;
    const std::size_t count = std::min(f(bytes_.data() + used_, room), room);
    used_ += count;
    return count != 0;
  }

  void write_to(int file) const noexcept {
    for (std::size_t done = 0; done < used_;) {
      const ssize_t n = write(file, bytes_.data() + done, used_ - done);
      if (n > 0) done += static_cast<std::size_t>(n);
      else if (n == 0 || errno != EINTR) return;
    }
  }

 private:
  std::array<char, 8192> bytes_;  // on the alternate stack, which has room
  std::size_t used_ = 0;
};

constinit char program[512] = "";  // path of the executable, which the loader's map does not name

/// "/usr/bin/program+0x1234", as addr2line -e takes it apart.
void put_code_address(text& out, std::uintptr_t address) noexcept {
#if defined(DLFO_STRUCT_HAS_EH_DBASE)  // glibc 2.35; unlike dladdr, made for use in signal handlers
  dl_find_object found;
  if (_dl_find_object(reinterpret_cast<void*>(address), &found) == 0) {
    const link_map& object = *found.dlfo_link_map;
    const bool named = object.l_name != nullptr && object.l_name[0] != '\0';
    (out << std::string_view{named ? object.l_name : program} << "+").hexadecimal(address - object.l_addr);
    return;
  }
#endif
  out.hexadecimal(address);
}

// --- the backtrace

frame_chain frames_of(const stack_place& place, std::uintptr_t frame_pointer) noexcept {
  const auto low = reinterpret_cast<std::uintptr_t>(place.base);
  return {low, low + usable(place.size), frame_pointer};
}

/// The innermost frames say what overflowed, the outermost who began; between them a recursion only repeats.
void put_backtrace(text& out, const stack_place& place, const registers& at) noexcept {
  constexpr std::size_t innermost = 24, outermost = 8;
  std::size_t count = 0;
  for (frame_chain all = frames_of(place, at.frame_pointer); all.next() != 0;) ++count;
  (out << "weft:   at ");
  put_code_address(out, at.program_counter);
  out << "\n";
  frame_chain all = frames_of(place, at.frame_pointer);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uintptr_t caller = all.next();
    if (i >= innermost && i + outermost < count) {
      if (i == innermost) (out << "weft:   ... ").decimal(count - innermost - outermost) << " more\n";
      continue;
    }
    out << "weft:   by ";
    put_code_address(out, caller - 1);  // in the call, not behind it: that may be another line
    out << "\n";
  }
}

// --- the report

constinit atomic<fiber_describer> describer{nullptr};

void put_fiber(text& out, const stack_place& place) noexcept {
  const fiber_describer describe = describer.load(std::memory_order_acquire);
  const auto description = [&](char* to, std::size_t size) noexcept {
    return describe != nullptr ? describe(place.base, to, size) : 0;
  };
  if (!out.append(description)) out << "a fiber that nobody knows";
}

/// `place`: whose guard was hit; `running`: the stack that was in use, if it is one of ours.
WEFT_NOINLINE void report(const void* address, const stack_place& place, const stack_place* running,
                          const registers& at) noexcept {
  text out;
  const bool overflow = running != nullptr && running->base == place.base;
  out << (overflow ? "weft: stack overflow: " : "weft: stray access to the guard of ");
  put_fiber(out, place);
  const auto base = reinterpret_cast<std::uintptr_t>(place.base);
  out << "\nweft:   its stack, " << name(place.size) << ", has ";
  out.decimal(usable(place.size)) << " bytes at ";
  out.hexadecimal(base) << "; touched was ";
  out.hexadecimal(reinterpret_cast<std::uintptr_t>(address)) << ", in its guard\n";
  if (!overflow && running != nullptr) {
    out << "weft:   accessed by ";
    put_fiber(out, *running);
    out << "\n";
  }
  if (running != nullptr) put_backtrace(out, *running, at);
  if (overflow) out << "weft:   spawn it with a larger spawn_options::stack, or see weft::on_thread_stack\n";
  out.write_to(STDERR_FILENO);
}

// --- the handler

constexpr std::array signals{SIGSEGV, SIGBUS};

constinit pool_lock install_lock;  // guards the two that follow
constinit unsigned installed = 0;
constinit bool chained = false;                      // somebody came after us: our handler must stay
constinit std::array<struct sigaction, 2> former{};  // written before ours is in place, read by it

constinit std::array<atomic<std::uint64_t>, stack_classes> seen{};  // overflows, by class

atomic<std::uint64_t>& seen_of(stack_class c) noexcept { return seen[static_cast<std::size_t>(c)]; }

struct sigaction& former_of(int signal) noexcept { return former[signal == signals[0] ? 0 : 1]; }

/// The mask that `action` would have seen, had it been called by the kernel: ours blocks everything.
void restore_mask(int signal, const struct sigaction& action, const ucontext_t& context) noexcept {
  sigset_t mask;
  sigemptyset(&mask);
  // One by one: the kernel's set is shorter than glibc's, whose rest is something else here.
  constexpr int kernel_signals = 64;
  for (int i = 1; i <= kernel_signals; ++i)
    if (sigismember(&context.uc_sigmask, i) == 1 || sigismember(&action.sa_mask, i) == 1) sigaddset(&mask, i);
  if ((action.sa_flags & SA_NODEFER) == 0) sigaddset(&mask, signal);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

/// Does what would have happened without us.
void hand_on(int signal, siginfo_t* info, void* context) noexcept {
  const struct sigaction action = former_of(signal);
  const bool fault = info->si_code > 0;  // else somebody sent it
  if (action.sa_handler == SIG_IGN && !fault) return;
  if (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN) {
    // The faulting instruction runs again and ends the process there, so that a core file shows it. (Faults
    // are not ignored.)
    struct sigaction terminate{};
    terminate.sa_handler = SIG_DFL;
    sigaction(signal, &terminate, nullptr);
    if (!fault) raise(signal);
    return;
  }
  if ((action.sa_flags & static_cast<int>(SA_RESETHAND)) != 0) former_of(signal).sa_handler = SIG_DFL;
  restore_mask(signal, action, *static_cast<ucontext_t*>(context));
  if ((action.sa_flags & SA_SIGINFO) != 0) action.sa_sigaction(signal, info, context);
  else action.sa_handler(signal);
}

void handle(int signal, siginfo_t* info, void* context) noexcept {
  const int error = errno;
  stack_place place, running;
  if (info->si_code > 0 && find_stack(info->si_addr, place) && place.in_guard) {
    const registers at = interrupted(*static_cast<ucontext_t*>(context));
    seen_of(place.size).fetch_add(1, std::memory_order_relaxed);
    const bool on_fiber = find_stack(reinterpret_cast<void*>(at.stack_pointer), running);
    report(info->si_addr, place, on_fiber ? &running : nullptr, at);
  }
  errno = error;
  hand_on(signal, info, context);
}

bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == handle;
}

}  // namespace

void set_fiber_describer(fiber_describer d) noexcept { describer.store(d, std::memory_order_release); }

std::uint64_t overflows_seen(stack_class of) noexcept { return seen_of(of).load(std::memory_order_relaxed); }

void install_overflow_handler() noexcept {
  const std::lock_guard hold{install_lock};
  if (installed++ != 0 || chained) return;
  const ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
  program[length > 0 ? length : 0] = '\0';
  struct sigaction ours{};
  ours.sa_sigaction = handle;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&ours.sa_mask);  // a preemption in the middle of a report would be one switch too many
  for (const int signal : signals) {
    sigaction(signal, nullptr, &former_of(signal));
    sigaction(signal, &ours, nullptr);
  }
}

void remove_overflow_handler() noexcept {
  const std::lock_guard hold{install_lock};
  if (--installed != 0 || chained) return;
  for (const int signal : signals) {
    struct sigaction current{};
    sigaction(signal, nullptr, &current);
    chained |= !is_ours(current);
  }
  if (chained) return;
  for (const int signal : signals) sigaction(signal, &former_of(signal), nullptr);
}

// --- alternate_stack

alternate_stack::alternate_stack() noexcept {
  constexpr unsigned long type_minsigstksz =
      51;  // AT_MINSIGSTKSZ, which glibc 2.36 names only on some processors
  constexpr std::size_t least = 64 * kib, beyond_registers = 16 * kib;
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const std::size_t wanted = std::max(least, getauxval(type_minsigstksz) + beyond_registers);
  const std::size_t size = (wanted + page - 1) / page * page;
  void* const memory =
      mmap(nullptr, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;
  mprotect(memory, page, PROT_NONE);
  stack_t ours{};
  ours.ss_sp = static_cast<std::byte*>(memory) + page;
  ours.ss_size = size;
  if (sigaltstack(&ours, &former_) != 0) {
    munmap(memory, page + size);
    return;
  }
  memory_ = static_cast<std::byte*>(memory);
  bytes_ = page + size;
}

alternate_stack::~alternate_stack() {
  if (memory_ == nullptr) return;
  stack_t current{};
  sigaltstack(nullptr, &current);
  const auto* const stack = static_cast<std::byte*>(current.ss_sp);
  if (stack > memory_ && stack < memory_ + bytes_)
    sigaltstack(&former_, nullptr);  // else somebody has set another one since
  munmap(memory_, bytes_);
}

}  // namespace weft::detail
