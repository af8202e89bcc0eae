#include <weft/runtime/trace/tracer.hpp>

#include <time.h>

#include <mutex>

#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/trace/mode.hpp>
#include <weft/runtime/trace/sampling.hpp>
#include <weft/runtime/trace/thread_ring.hpp>

namespace weft::trace {

constinit weft::detail::exposed<std::uint64_t> detail::sampling_threshold;

namespace {

constexpr std::size_t records_min = 16;
constexpr std::size_t records_max = std::size_t{1} << 24;

constinit weft::detail::thread_mutex switching;  // one start() or stop() at a time

void switch_to(std::uint32_t bits) noexcept {
  detail::mode.set((detail::mode.get() / detail::mode_step + 1) * detail::mode_step + bits);
}

std::int64_t unix_ns() noexcept {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// Under `switching`.
result<void> begin(const options& o) {
  const bool share = o.sampled >= 0 && o.sampled <= 1;  // NaN is not
  if (!share || o.records < records_min || o.records > records_max)
    return std::unexpected(std::make_error_code(std::errc::invalid_argument));
  detail::sampling_threshold.set(detail::threshold_of(o.sampled));
  detail::renew_rings(o.records);
  switch_to(o.runtime_events ? detail::spans_bit | detail::events_bit : detail::spans_bit);
  return {};
}

}  // namespace

result<void> start(const options& o) {
  const std::lock_guard hold{switching};
  return begin(o);
}

result<std::uint32_t> detail::start_alone(const options& o) {
  const std::lock_guard hold{switching};
  if (running()) return std::unexpected(std::make_error_code(std::errc::device_or_resource_busy));
  WEFT_TRY(begin(o));
  return ring_generation.get();
}

bool detail::is_latest(std::uint32_t number) noexcept { return ring_generation.get() == number; }

void detail::stop_if_latest(std::uint32_t number) noexcept {
  const std::lock_guard hold{switching};
  if (is_latest(number)) switch_to(0);
}

void stop() noexcept {
  const std::lock_guard hold{switching};
  switch_to(0);
}

bool running() noexcept { return detail::spans_on(); }

recording snapshot() {
  recording all;
  all.taken = weft::detail::steady_ns();
  all.unix_zero = unix_ns() - all.taken;
  all.tracks = detail::read_rings();
  return all;
}

}  // namespace weft::trace
