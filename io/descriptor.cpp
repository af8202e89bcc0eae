#include <weft/io/descriptor.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>
#include <utility>

#include <poll.h>
#include <unistd.h>

namespace weft::detail {
namespace {

// Between two attempts at what is not as ready as it says; up to sixteen times as long. A guess.
constexpr std::chrono::milliseconds pause_shortest{1};

}  // namespace

struct descriptor::turn : list_waiter {
  explicit turn(user& of_) noexcept : list_waiter{/*cancellable=*/true}, of{&of_} {}

  user* of;
  bool granted = false;  // under the lock; a turn that is not will not come, for the descriptor is closed
};

// --- owning

descriptor::descriptor(descriptor&& from) noexcept : descriptor{from.release()} {}

descriptor& descriptor::operator=(descriptor&& from) noexcept {
  if (this == &from) return *this;
  close();
  const int fd = from.release();
  const std::lock_guard guard{lock_};
  fd_.store(fd, std::memory_order_relaxed);
  closing_ = fd < 0;
  last_ = last_recv::unknown;
  for (auto& word : words_) word.store(closing_ ? attention : 0, std::memory_order_release);
  return *this;
}

int descriptor::release() noexcept {
  const std::lock_guard guard{lock_};
  WEFT_ASSERT(!used(), "a descriptor was moved from while somebody uses it");
  closing_ = true;
  for (auto& word : words_) word.store(attention, std::memory_order_release);
  return fd_.exchange(-1, std::memory_order_acq_rel);
}

bool descriptor::used() const noexcept {
  return user_in(words_[0].load(std::memory_order_acquire)) != nullptr ||
         user_in(words_[1].load(std::memory_order_acquire)) != nullptr;
}

// --- taking turns

WEFT_ALWAYS_INLINE outcome descriptor::enter(direction way, user& u, deadline until) noexcept {
  std::uintptr_t nobody = 0;
  if (word(way).compare_exchange_strong(nobody, reinterpret_cast<std::uintptr_t>(&u),
                                        std::memory_order_acq_rel, std::memory_order_relaxed)) [[likely]]
    return 0;
  return enter_slow(way, u, until);
}

outcome descriptor::enter_slow(direction way, user& u, deadline until) noexcept {
  turn mine{u};
  {
    const std::lock_guard guard{lock_};
    if (closing_) return failure(errc::closed);
    if (user_in(word(way).fetch_or(attention, std::memory_order_acq_rel)) == nullptr) {
      word(way).store(reinterpret_cast<std::uintptr_t>(&u), std::memory_order_release);
      return 0;
    }
    turns(way).add(mine);
  }
  const wake_reason how = park(mine, until, park_reason::turn);
  if (wait_list::must_leave(mine, how)) {
    const std::lock_guard guard{lock_};
    wait_list::remove(mine);
  }
  if (how == wake_reason::timed_out) return failure(errc::deadline_exceeded);
  if (how == wake_reason::canceled) return failure(errc::canceled);
  return mine.granted ? 0 : failure(errc::closed);  // closed: this object may be gone by now
}

WEFT_ALWAYS_INLINE void descriptor::leave(direction way, user& u) noexcept {
  std::uintptr_t me = reinterpret_cast<std::uintptr_t>(&u);
  if (!word(way).compare_exchange_strong(me, 0, std::memory_order_release, std::memory_order_relaxed))
      [[unlikely]]
    leave_slow(way, u);
}

void descriptor::leave_slow(direction way, user& u) noexcept {
  woken_waiters woken;
  std::unique_lock guard{lock_};
  u.wait_to_hear(guard);
  if (!closing_ && pass_on(way, woken)) return;
  word(way).store(closing_ ? attention : 0, std::memory_order_release);
  if (!closing_ || used()) return;
  if (parker* const closer = closers_.claim_closer()) resume_from(guard, *closer);
}

// Makes the oldest that waits for `way`, and still does, its user. Under the lock. False: nobody does.
bool descriptor::pass_on(direction way, woken_waiters& woken) noexcept {
  list_waiter* const oldest = turns(way).wake_one(woken);
  if (oldest == nullptr) return false;
  auto& next = static_cast<turn&>(*oldest);
  next.granted = true;
  word(way).store(reinterpret_cast<std::uintptr_t>(next.of) | (turns(way).empty() ? 0 : attention),
                  std::memory_order_release);
  return true;
}

// --- closing

void descriptor::close() noexcept {
  woken_waiters woken;
  bool in_use = false;
  {
    std::unique_lock guard{lock_};
    if (std::exchange(closing_, true)) {
      if (native_handle() >= 0) closers_.wait_for_closer(guard);
      return;
    }
    for (auto& word : words_)
      if (user* const u = user_in(word.fetch_or(attention, std::memory_order_acq_rel))) u->tell();
    in_use = used();
    for (wait_list& waiting : turns_) waiting.wake_all(woken);  // their turn will not come
  }
  woken.resume();
  if (in_use) closers_.wait_for_users(lock_, [this] { return used(); });
  ::close(native_handle());
  const std::lock_guard guard{lock_};
  fd_.store(-1, std::memory_order_relaxed);
  closers_.closed(woken);
}

// --- operations

WEFT_ALWAYS_INLINE outcome descriptor::perform_as(user& u, pending_operation& p, deadline until) noexcept {
  if (u.heard) [[unlikely]]
    return failure(errc::closed);
  p.fd = native_handle();
  p.closed = &u.told;
  u.doing = &p;
  const outcome o = perform(p, until);
  u.doing = nullptr;
  return o;
}

WEFT_ALWAYS_INLINE outcome descriptor::run(pending_operation& p, direction way, deadline until) noexcept {
  user u;
  if (const outcome entered = enter(way, u, until); entered < 0) return entered;
  const outcome o = perform_as(u, p, until);
  leave(way, u);
  return o;
}

outcome descriptor::recv_outcome(std::span<std::byte> into, int flags, deadline until) noexcept {
  user u;
  outcome o = enter(direction::in, u, until);
  if (o >= 0) [[likely]] {
    o = recv_as(u, into, flags, until);
    leave(direction::in, u);
  }
  return o;
}

WEFT_ALWAYS_INLINE outcome descriptor::recv_as(user& u, std::span<std::byte> into, int flags,
                                               deadline until) noexcept {
  // Data is likely to be there: ask for it without the ring, and without a park.
  if (last_ == last_recv::filled) {
    const ssize_t n = ::recv(native_handle(), into.data(), into.size(), flags | MSG_DONTWAIT);
    if (n >= 0) {
      if (static_cast<std::size_t>(n) < into.size()) last_ = last_recv::drained;
      if (u.home != nullptr) count_immediate_completion(*u.home->running());
      return static_cast<outcome>(n);
    }
    last_ = last_recv::drained;
  }
  const outcome o = recv_waiting(u, into, flags, until);
  if (o >= 0 && (flags & MSG_PEEK) == 0)
    last_ = static_cast<std::size_t>(o) == into.size() ? last_recv::filled : last_recv::drained;
  return o;
}

WEFT_ALWAYS_INLINE outcome descriptor::recv_waiting(user& u, std::span<std::byte> into, int flags,
                                                    deadline until) noexcept {
  pending_operation p{operation_code::recv, -1};
  p.set_buffer(into.data(), into.size());
  p.flags = static_cast<std::uint32_t>(flags);
  // A stream that was drained is rarely full again: do not let the kernel try in vain.
  if (last_ == last_recv::drained) p.hint = operation_hint::not_ready;
  return perform_as(u, p, until);
}

result<io::leased_bytes> descriptor::recv_leased(io::lessee& by, deadline until) noexcept {
  io::leased_bytes got;
  user u;
  outcome o = enter(direction::in, u, until);
  if (o >= 0) [[likely]] {
    o = recv_leased_as(u, by, got, until);
    leave(direction::in, u);
  }
  if (o < 0) [[unlikely]]
    return std::unexpected(error_of(o));
  return got;
}

WEFT_ALWAYS_INLINE outcome descriptor::recv_leased_as(user& u, io::lessee& by, io::leased_bytes& got,
                                                      deadline until) noexcept {
  provided_buffers* const from = u.home != nullptr ? u.home->io().buffers() : nullptr;
  if (from == nullptr || !by.may_take(*from)) [[unlikely]]
    return wait_without_buffer(u, until);
  pending_operation p{operation_code::recv_provided, -1};
  p.length = provided_buffers::buffer_bytes;
  // A buffer is looked for when there is something to put into it, and only then can there be none: the ring
  // answers a receive that it tries at once, and an empty ring, with ENOBUFS whatever has come.
  if (!until.is_past()) p.hint = operation_hint::not_ready;
  const outcome o = perform_as(u, p, until);
  if (o == -ENOBUFS) return failure(errc::limit);
  if (o <= 0) return o;
  const auto size = static_cast<std::size_t>(o);
  got = io::leased_bytes{*from, by, {static_cast<std::byte*>(p.address), size}};
  last_ = size == provided_buffers::buffer_bytes ? last_recv::filled : last_recv::drained;
  return o;
}

WEFT_NOINLINE outcome descriptor::wait_without_buffer(user& u, deadline until) noexcept {
  pending_operation p{operation_code::poll, -1};
  p.flags = POLLIN;
  const outcome o = perform_as(u, p, until);
  return o < 0 ? o : failure(errc::limit);
}

outcome descriptor::send_outcome(std::span<const std::byte> bytes, int flags, deadline until) noexcept {
  pending_operation p{operation_code::send, -1};
  p.set_buffer(bytes.data(), bytes.size());
  p.flags = static_cast<std::uint32_t>(flags);
  return run(p, direction::out, until);
}

result<std::size_t> descriptor::send_zero_copy(std::span<const std::byte> bytes, zero_copy_account& account,
                                               deadline until) noexcept {
  pending_operation p{operation_code::send_zero_copy, -1};
  p.set_buffer(bytes.data(), bytes.size());
  p.flags = MSG_WAITALL;
  p.offset = 0;
  const outcome o = run(p, direction::out, until);
  if (o >= 0) account.copied = p.offset == 0;
  else account.given_up = static_cast<std::size_t>(p.offset);
  return to_result<std::size_t>(o);
}

outcome descriptor::read_outcome(std::span<std::byte> into, std::int64_t offset, deadline until) noexcept {
  pending_operation p{operation_code::read, -1};
  p.set_buffer(into.data(), into.size());
  p.offset = offset;
  return run(p, direction::in, until);
}

outcome descriptor::write_outcome(std::span<const std::byte> bytes, std::int64_t offset,
                                  deadline until) noexcept {
  pending_operation p{operation_code::write, -1};
  p.set_buffer(bytes.data(), bytes.size());
  p.offset = offset;
  return run(p, direction::out, until);
}

result<std::size_t> descriptor::readv(std::span<const iovec> into, deadline until) noexcept {
  pending_operation p{operation_code::readv, -1};
  p.set_buffer(into.data(), into.size());
  return to_result<std::size_t>(run(p, direction::in, until));
}

result<std::size_t> descriptor::writev(std::span<const iovec> bytes, deadline until) noexcept {
  pending_operation p{operation_code::writev, -1};
  p.set_buffer(bytes.data(), bytes.size());
  return to_result<std::size_t>(run(p, direction::out, until));
}

result<int> descriptor::accept(int flags, deadline until) noexcept {
  pending_operation p{operation_code::accept, -1};
  p.flags = static_cast<std::uint32_t>(flags);
  return to_result<int>(run(p, direction::in, until));
}

result<void> descriptor::connect(const sockaddr* address, socklen_t size, deadline until) noexcept {
  pending_operation p{operation_code::connect, -1};
  p.set_buffer(address, size);
  return to_result<void>(run(p, direction::out, until));
}

result<int> descriptor::poll(short events, deadline until) noexcept {
  constexpr int writing = POLLOUT | POLLWRNORM | POLLWRBAND;
  pending_operation p{operation_code::poll, -1};
  p.flags = static_cast<std::uint16_t>(events);
  return to_result<int>(run(p, (events & ~writing) == 0 ? direction::out : direction::in, until));
}

outcome descriptor::attempt_when_ready(short events, attempt_function f, void* context,
                                       deadline until) noexcept {
  const direction way = events == POLLOUT ? direction::out : direction::in;
  user u;
  if (const outcome entered = enter(way, u, until); entered < 0) return entered;
  const outcome o = attempt_as(u, events, f, context, until);
  leave(way, u);
  return o;
}

outcome descriptor::attempt_as(user& u, short events, attempt_function f, void* context,
                               deadline until) noexcept {
  for (unsigned failures = 0;; ++failures) {
    outcome o = f(context, native_handle());
    while (o == -EINTR) o = f(context, native_handle());
    if (o != -EAGAIN) {
      if (failures == 0 && u.home != nullptr) count_immediate_completion(*u.home->running());
      return o;
    }
    if (const outcome ready = wait_to_attempt(u, events, failures, until); ready < 0) return ready;
  }
}

// What has been reported ready and yet would wait may be reported ready for ever: an unconnected unix
// datagram socket is, while the queue that it sends to is full. So every second wait is a pause.
WEFT_NOINLINE outcome descriptor::wait_to_attempt(user& u, short events, unsigned failures,
                                                  deadline until) noexcept {
  if (failures % 2 != 0) return pause_as(u, pause_shortest * (1 << std::min(failures / 2, 4u)), until);
  pending_operation p{operation_code::poll, -1};
  p.flags = static_cast<std::uint16_t>(events);
  return perform_as(u, p, until);
}

// A fiber hears of close() meanwhile; a foreign thread asks afterwards.
outcome descriptor::pause_as(user& u, deadline pause, deadline until) noexcept {
  if (u.heard) return failure(errc::closed);
  const wake_reason how = u.pause(std::min(pause, until));
  if (u.told.load(std::memory_order_acquire)) return failure(errc::closed);
  if (how == wake_reason::canceled) return failure(errc::canceled);
  return std::min(until, deadline_here()).expired() ? failure(errc::deadline_exceeded) : 0;
}

descriptor::hold::~hold() {
  if (of_ != nullptr) of_->leave(way_, user_);
}

outcome descriptor::hold::take(descriptor& of, short events, deadline until) noexcept {
  way_ = events == POLLOUT ? direction::out : direction::in;
  const outcome entered = of.enter(way_, user_, until);
  if (entered >= 0) of_ = &of;
  return entered;
}

result<void> descriptor::shutdown(int how) noexcept {
  const std::lock_guard guard{lock_};
  if (closing_) return to_result<void>(failure(errc::closed));
  return to_result<void>(::shutdown(native_handle(), how) == 0 ? 0 : -errno);
}

}  // namespace weft::detail
