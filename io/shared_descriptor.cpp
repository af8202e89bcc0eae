#include <weft/io/shared_descriptor.hpp>

#include <cerrno>

#include <unistd.h>

namespace weft::detail {
namespace {

struct operation_user : descriptor_user {
  explicit operation_user(pending_operation& p) noexcept : descriptor_user{ask}, doing{p} {}

  static void ask(descriptor_user& self) noexcept {
    static_cast<operation_user&>(self).doing.ask(pending_operation::asked_by::close);
  }

  pending_operation& doing;
};

}  // namespace

// --- owning

shared_descriptor& shared_descriptor::operator=(shared_descriptor&& from) noexcept {
  if (this == &from) return *this;
  (void)close();
  const int fd = from.release();
  fd_.store(fd, std::memory_order_relaxed);
  word_.store(fd < 0 ? closing : 0, std::memory_order_release);
  return *this;
}

int shared_descriptor::release() noexcept {
  const std::lock_guard guard{lock_};
  WEFT_ASSERT(!used(), "a descriptor was moved from while somebody uses it");
  word_.store(closing, std::memory_order_release);
  return fd_.exchange(-1, std::memory_order_acq_rel);
}

// --- using

void shared_descriptor::leave_slow() noexcept {
  std::unique_lock guard{lock_};
  const std::uint32_t before = word_.fetch_sub(1, std::memory_order_acq_rel);
  if (before != (closing | 1)) return;
  if (parker* const closer = closers_.claim_closer()) resume_from(guard, *closer);
}

bool shared_descriptor::begin_use(descriptor_user& u) noexcept {
  const std::lock_guard guard{lock_};
  if ((word_.load(std::memory_order_relaxed) & closing) != 0) return false;
  users_.push_back(u);
  return true;
}

void shared_descriptor::end_use(descriptor_user& u) noexcept {
  std::unique_lock guard{lock_};
  u.wait_to_hear(guard);
  u.unlink();
}

outcome shared_descriptor::perform(pending_operation& p, deadline until) noexcept {
  operation_user u{p};
  if (!begin_use(u)) return failure(errc::closed);
  p.fd = native_handle();
  p.closed = &u.told;
  const outcome o = detail::perform(p, until);
  end_use(u);
  return o;
}

// --- closing

result<void> shared_descriptor::close() noexcept {
  {
    std::unique_lock guard{lock_};
    if ((word_.fetch_or(closing, std::memory_order_acq_rel) & closing) != 0) {
      if (native_handle() >= 0) closers_.wait_for_closer(guard);
      return {};
    }
    for (descriptor_user& u : users_) u.tell();
  }
  closers_.wait_for_users(lock_, [this] { return used(); });
  const int error = ::close(native_handle()) == 0 ? 0 : -errno;
  woken_waiters woken;
  {
    const std::lock_guard guard{lock_};
    fd_.store(-1, std::memory_order_relaxed);
    closers_.closed(woken);
  }
  return to_result<void>(error);
}

}  // namespace weft::detail
