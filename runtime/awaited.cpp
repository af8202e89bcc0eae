#include <weft/runtime/awaited.hpp>

#include <weft/runtime/mutex.hpp>
#include <weft/runtime/once_flag.hpp>
#include <weft/runtime/shared_mutex.hpp>

namespace weft::detail {

bool waits_in_a_list(park_reason why) noexcept {
  switch (why) {
    case park_reason::event:
    case park_reason::wait_group:
    case park_reason::semaphore:
    case park_reason::latch:
    case park_reason::barrier:
    case park_reason::channel_send:
    case park_reason::channel_recv:
    case park_reason::mutex:
    case park_reason::shared_mutex:
    case park_reason::condition_variable:
    case park_reason::once:
    case park_reason::nursery:
    case park_reason::future:
    case park_reason::pool: return true;
    default: return false;
  }
}

const parker* holder_awaited_by(const fiber& f) noexcept {
  const wait* const w = f.waiting.get();
  switch (f.why.get()) {
    case park_reason::mutex: return static_cast<const mutex_wait*>(w)->of->owner();
    case park_reason::shared_mutex: return static_cast<const shared_mutex_wait*>(w)->of->owner();
    case park_reason::once: return static_cast<const once_wait*>(w)->runner->get();
    default: return nullptr;
  }
}

}  // namespace weft::detail
