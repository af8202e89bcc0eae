// futex(2): FUTEX_WAIT_BITSET takes an absolute CLOCK_MONOTONIC time, so an interrupted sleep need not be
// measured again.
#include <weft/runtime/base/atomic.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace weft::detail {
namespace {

// ThreadSanitizer puts a signal off until the thread makes a call that it intercepts, which a futex is not.
// So under it a sleep is cut into slices with such a call after each.
[[maybe_unused]] bool futex_wait_slice(const atomic<std::uint32_t>& word, std::uint32_t expected,
                                       deadline until) noexcept {
  constexpr std::int64_t slice_ns = 20'000'000;
  const std::int64_t end = steady_ns() + slice_ns;
  timespec at{};
  at.tv_sec = std::min(end, until.at) / 1'000'000'000;
  at.tv_nsec = std::min(end, until.at) % 1'000'000'000;
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected, &at, nullptr, FUTEX_BITSET_MATCH_ANY);
  ::usleep(0);
  return !until.expired();
}

}  // namespace

bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, deadline until) noexcept {
  if (until.at < 0) return false;  // past; the kernel would refuse a negative time with EINVAL
  if constexpr (WEFT_TSAN) return futex_wait_slice(word, expected, until);
  timespec at{};
  if (!until.is_never()) {
    at.tv_sec = until.at / 1'000'000'000;
    at.tv_nsec = until.at % 1'000'000'000;
  }
  const long r = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
                         until.is_never() ? nullptr : &at, nullptr, FUTEX_BITSET_MATCH_ANY);
  return r == 0 || errno != ETIMEDOUT;
}

void futex_wake(const atomic<std::uint32_t>* word, int count) noexcept {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace weft::detail
