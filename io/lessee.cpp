#include <weft/io/lessee.hpp>

#include <weft/io/provided_buffers.hpp>
#include <weft/runtime/base/clock.hpp>

namespace weft::io {

bool lessee::may_take_more(detail::provided_buffers& from) noexcept {
  from.collect();
  const std::int64_t now = detail::steady_ns();
  if (holding_since_ == 0) holding_since_ = now;
  return held() < limits_.leases_max && from.free_count() >= from.count() / 4 &&
         now - holding_since_ < limits_.held_max.count();
}

}  // namespace weft::io
