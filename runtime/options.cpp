#include <weft/runtime/options.hpp>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include <weft/runtime/cpus.hpp>

namespace weft {
namespace {

constexpr unsigned workers_max = 1024;
constexpr unsigned queue_depth_min = 8, queue_depth_max = 32'768;
constexpr std::chrono::seconds spin_max{1};
constexpr std::chrono::microseconds period_min{100};  // of slice and stall
constexpr std::chrono::minutes period_max{1};
constexpr std::size_t blocking_threads_most = 65'536;

// Reads a number from the environment into `out`, if it is set. False: it is set and is no number in the
// range.
template <class T>
bool read_number(const char* variable, T& out, T least, T most) {
  const char* const text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return true;
  const std::string_view digits{text};
  T value{};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc{} && end == digits.data() + digits.size() && value >= least && value <= most) {
    out = value;
    return true;
  }
  std::fprintf(stderr, "weft: %s=%s: not a number from %llu to %llu\n", variable, text,
               static_cast<unsigned long long>(least), static_cast<unsigned long long>(most));
  return false;
}

bool read_switch(const char* variable, bool& out) {
  unsigned value = out ? 1 : 0;
  const bool good = read_number(variable, value, 0u, 1u);
  out = value != 0;
  return good;
}

// None, or one that nobody but a program sends.
bool may_preempt_by(int signal) noexcept {
  for (const int other : {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT})
    if (signal == other) return false;
  const bool of_libc = signal > SIGSYS && signal < SIGRTMIN;  // which refuses them
  return signal >= 0 && signal <= SIGRTMAX && !of_libc;
}

bool read_backend(io_backend& out) {
  const char* const text = std::getenv("WEFT_BACKEND");
  if (text == nullptr || *text == '\0') return true;
  const std::string_view name{text};
  if (name == "uring") out = io_backend::uring;
  else if (name == "epoll") out = io_backend::epoll;
  else if (name != "auto") {
    std::fprintf(stderr, "weft: WEFT_BACKEND=%s: not one of auto, uring, epoll\n", text);
    return false;
  }
  return true;
}

bool read_memory(memory_strategy& out) {
  const char* const text = std::getenv("WEFT_MEMORY");
  if (text == nullptr || *text == '\0') return true;
  const std::string_view name{text};
  if (name == "pooled") out = memory_strategy::pooled;
  else if (name == "numa_aware") out = memory_strategy::numa_aware;
  else if (name == "adaptive") out = memory_strategy::adaptive;
  else {
    std::fprintf(stderr, "weft: WEFT_MEMORY=%s: not one of pooled, numa_aware, adaptive\n", text);
    return false;
  }
  return true;
}

}  // namespace

bool detail::built_for_debugging() noexcept {
#ifdef NDEBUG
  return false;
#else
  return true;
#endif
}

options options::optimal() {
  options o;
  o.pin = true;
  return o;
}

options options::for_server() {
  options o;
  o.stacks_warm = 10'000;
  o.queue_depth = 1024;
  return o;
}

options options::for_cli() {
  options o;
  o.workers = detail::cli_workers(detail::usable_cpus());
  o.spin = {};
  o.stacks_warm = 64;
  return o;
}

options options::for_embedded() {
  options o;
  o.workers = 1;
  o.spin = {};
  o.stacks_warm = 16;
  o.queue_depth = 64;
  o.overflow_report = false;
  return o;
}

options options::low_latency() {
  options o;
  o.pin = true;
  o.spin = std::chrono::milliseconds{1};
  return o;
}

result<options> options::from_env() { return from_env(options{}); }

result<options> options::from_env(options base) {
  std::uint64_t spin_us =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(base.spin).count());
  const std::uint64_t spin_us_before = spin_us;
  constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
  bool good = read_number("WEFT_WORKERS", base.workers, 0u, workers_max);
  good &= read_switch("WEFT_PIN", base.pin);
  good &= read_number("WEFT_FIBERS_MAX", base.fibers_max, std::size_t{0}, any);
  good &= read_number("WEFT_QUEUE_DEPTH", base.queue_depth, queue_depth_min, queue_depth_max);
  good &= read_number("WEFT_SPIN_US", spin_us, std::uint64_t{0}, std::uint64_t{1'000'000});
  good &= read_number("WEFT_STACKS_WARM", base.stacks_warm, std::size_t{0}, any);
  good &= read_number("WEFT_BLOCKING_THREADS_MAX", base.blocking_threads_max, std::size_t{1},
                      blocking_threads_most);
  good &= read_switch("WEFT_ASLEEP_REPORT", base.asleep_report);
  good &= read_switch("WEFT_DUMP_ON_SIGQUIT", base.dump_on_sigquit);
  good &= read_switch("WEFT_LEAK_REPORT", base.leak_report);
  good &= read_switch("WEFT_FIBER_TIMES", base.fiber_times);
  if (const char* const file = std::getenv("WEFT_STACK_CENSUS"); file != nullptr && *file != '\0') {
    base.stack_census = true;
    base.stack_census_file = file;
  }
  good &= read_backend(base.backend);
  good &= read_memory(base.memory);
  if (!good) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  if (spin_us != spin_us_before) base.spin = std::chrono::microseconds{spin_us};
  return base;
}

result<void> options::validate() const {
  const auto is_period = [](std::chrono::nanoseconds t) {
    return t == t.zero() || (t >= period_min && t <= period_max);
  };
  const bool good = workers <= workers_max && queue_depth >= queue_depth_min &&
                    queue_depth <= queue_depth_max && spin >= spin.zero() && spin <= spin_max &&
                    blocking_threads_max >= 1 && blocking_threads_max <= blocking_threads_most &&
                    blocking_threads_min <= blocking_threads_max && blocking_queue_max >= 1 &&
                    blocking_idle >= blocking_idle.zero() && is_period(slice) && is_period(stall) &&
                    may_preempt_by(preempt_signal);
  if (!good) return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  return {};
}

}  // namespace weft
