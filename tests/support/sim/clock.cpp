// The virtual clock: stands still but for the simulator. Outside of a world it is an hour.
#include <weft/runtime/base/clock.hpp>

#include <sim/simulator.hpp>

namespace weft::detail {

std::int64_t steady_ns() noexcept {
  return active_simulator != nullptr ? active_simulator->now : std::int64_t{3'600'000'000'000};
}

}  // namespace weft::detail
