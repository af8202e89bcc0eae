#include <weft/runtime/this_fiber.hpp>

#include <weft/runtime/stop.hpp>

namespace weft::detail {

result<void> sleep(deadline until) noexcept {
  wait w{/*cancellable=*/true};
  const wake_reason how = park(w, until, park_reason::sleep);
  if (how == wake_reason::canceled) return std::unexpected(errc::canceled);
  if (deadline_here() < until) return std::unexpected(errc::deadline_exceeded);
  return {};
}

result<void> check_hurried(fiber& self) noexcept {
  if (self.wants_stop()) {
    follow_stop(self);
    return std::unexpected(errc::canceled);
  }
  if (self.until.expired()) return std::unexpected(errc::deadline_exceeded);
  return {};
}

}  // namespace weft::detail
