#include <weft/runtime/base/clock.hpp>

#include <time.h>

namespace weft::detail {

std::int64_t steady_ns() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

}  // namespace weft::detail
