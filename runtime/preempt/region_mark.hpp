// What a fiber's control block says of the region that it is in.
#pragma once

#include <cstdint>

namespace weft::detail::region_mark {

/// The fiber may be switched out at any instruction if its mark is exactly `open`.
enum : std::uint8_t {
  none = 0,
  open = 1,          // in a preemptible region
  guarded = 2,       // under a preempt_guard, or in a checkpoint
  switched_out = 5,  // in such a region, being switched out
};

}  // namespace weft::detail::region_mark
