#include <weft/runtime/this_fiber.hpp>

namespace weft::detail {

result<void> sleep(deadline until) noexcept {
  wait w{/*cancellable=*/true};
  if (park(w, until, park_reason::sleep) == wake_reason::canceled) return std::unexpected(errc::canceled);
  return {};
}

}  // namespace weft::detail
