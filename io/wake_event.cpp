#include <weft/io/wake_event.hpp>

#include <cerrno>

#include <sys/eventfd.h>
#include <unistd.h>

#include <weft/runtime/base/assert.hpp>

namespace weft::detail {

wake_event::~wake_event() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int wake_event::open() noexcept {
  descriptor_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return descriptor_ >= 0 ? 0 : -errno;
}

void wake_event::wake() noexcept {
  if (under_way_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  ssize_t written;
  do written = ::write(descriptor_, &one, sizeof one);
  while (written < 0 && errno == EINTR);
  WEFT_ASSERT(written == ssize_t{sizeof one}, "the wake-up descriptor was closed by someone else");
}

}  // namespace weft::detail
