// The lock of the pools' cold paths. Never held across a suspension: no caller runs user code under it but
// slab_depot::for_each.
#pragma once

#include <weft/runtime/base/thread_mutex.hpp>

namespace weft::detail {

using pool_lock = thread_mutex;

}  // namespace weft::detail
