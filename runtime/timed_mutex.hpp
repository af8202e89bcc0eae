// A mutex with std's names for a bounded wait. `lock(until)` of mutex is the same as a cancellation point.
#pragma once

#include <weft/runtime/mutex.hpp>
#include <weft/runtime/timed_lock.hpp>

namespace weft {

class timed_mutex : public detail::timed_lock<mutex> {};

}  // namespace weft
