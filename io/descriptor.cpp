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
  turn(direction way_, user& who_) noexcept : list_waiter{/*cancellable=*/true}, way{way_}, of{&who_} {}
  explicit turn(bool is_cancellable) noexcept : list_waiter{is_cancellable} {}

  direction way = direction::in;
  user* of = nullptr;
  bool closed = false;  // instead of being its turn
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
  turn mine{way, u};
  {
    const std::lock_guard guard{lock_};
    if (closing_) return failure(errc::closed);
    if (user_in(word(way).fetch_or(attention, std::memory_order_acq_rel)) == nullptr) {
      word(way).store(reinterpret_cast<std::uintptr_t>(&u), std::memory_order_release);
      return 0;
    }
    queue_.push_back(mine);
  }
  const wake_reason how = park(mine, until, park_reason::turn);
  if (wait_list::must_leave(mine, how)) {
    const std::lock_guard guard{lock_};
    wait_list::remove(mine);
  }
  if (how == wake_reason::timed_out) return failure(errc::deadline_exceeded);
  if (how == wake_reason::canceled) return failure(errc::canceled);
  return mine.closed ? failure(errc::closed) : 0;  // closed: this object may be gone by now
}

WEFT_ALWAYS_INLINE void descriptor::leave(direction way, user& u) noexcept {
  std::uintptr_t me = reinterpret_cast<std::uintptr_t>(&u);
  if (!word(way).compare_exchange_strong(me, 0, std::memory_order_release, std::memory_order_relaxed))
      [[unlikely]]
    leave_slow(way, u);
}

void descriptor::leave_slow(direction way, user& u) noexcept {
  std::unique_lock guard{lock_};
  u.wait_to_hear(guard);
  parker* woken = nullptr;
  if (turn* const next = closing_ ? nullptr : next_turn(way)) {
    woken = next->who;
  } else {
    word(way).store(closing_ ? attention : 0, std::memory_order_release);
    if (closer_ != nullptr && !used() && closer_->claim(wake_reason::woken))
      woken = std::exchange(closer_, nullptr)->who;
  }
  if (woken == nullptr) return;
  if (woken->is_fiber()) guard.unlock();  // else it may come and go as soon as the lock is free
  woken->resume();
}

// Makes the oldest that waits for `way`, and still does, its user. Under the lock.
descriptor::turn* descriptor::next_turn(direction way) noexcept {
  turn* chosen = nullptr;
  bool others = false;
  for (auto at = queue_.begin(); at != queue_.end();) {
    auto& candidate = static_cast<turn&>(*at);
    ++at;
    if (candidate.way != way || candidate.of == nullptr) continue;  // null: waits for the end of close()
    if (chosen != nullptr) {
      others = true;
      break;
    }
    candidate.unlink();
    if (candidate.claim(wake_reason::woken)) chosen = &candidate;
  }
  if (chosen == nullptr) return nullptr;
  word(way).store(reinterpret_cast<std::uintptr_t>(chosen->of) | (others ? attention : 0),
                  std::memory_order_release);
  return chosen;
}

// --- closing

void descriptor::close() noexcept {
  intrusive_list<list_waiter> fibers;  // to be resumed without the lock
  bool in_use = false;
  {
    std::unique_lock guard{lock_};
    if (std::exchange(closing_, true)) {
      if (native_handle() >= 0) wait_for_closer(guard);
      return;
    }
    for (auto& word : words_)
      if (user* const u = user_in(word.fetch_or(attention, std::memory_order_acq_rel))) u->tell();
    in_use = used();
    wake_queue(fibers);  // their turn will not come
  }
  resume_all(fibers);
  if (in_use) wait_for_users();
  ::close(native_handle());
  {
    const std::lock_guard guard{lock_};
    fd_.store(-1, std::memory_order_relaxed);
    wake_queue(fibers);  // who has called close() meanwhile
  }
  resume_all(fibers);
}

// Under the lock. A foreign thread may come and go as soon as that is free, so it is resumed here.
void descriptor::wake_queue(intrusive_list<list_waiter>& fibers) noexcept {
  while (list_waiter* const w = queue_.pop_front()) {
    static_cast<turn&>(*w).closed = true;
    if (!w->claim(wake_reason::woken)) continue;
    if (w->who->is_fiber()) fibers.push_back(*w);
    else w->who->resume();
  }
}

void descriptor::resume_all(intrusive_list<list_waiter>& fibers) noexcept {
  while (list_waiter* const w = fibers.pop_front()) w->who->resume();
}

// Somebody else closes: returns when that is done, because the caller may be about to destroy this object.
void descriptor::wait_for_closer(std::unique_lock<thread_mutex>& guard) noexcept {
  turn mine{/*cancellable=*/false};
  queue_.push_back(mine);
  guard.unlock();
  const wake_reason how = park(mine, deadline::never(), park_reason::io);
  if (wait_list::must_leave(mine, how)) guard.lock();
}

void descriptor::wait_for_users() noexcept {
  detail::wait w{/*cancellable=*/false};
  {
    const std::lock_guard guard{lock_};
    if (!used()) return;
    closer_ = &w;
  }
  park(w, deadline::never(), park_reason::io);
  const std::lock_guard left{lock_};  // who woke us has let go of the lock, and of this object
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

outcome descriptor::send_outcome(std::span<const std::byte> bytes, int flags, deadline until) noexcept {
  pending_operation p{operation_code::send, -1};
  p.set_buffer(bytes.data(), bytes.size());
  p.flags = static_cast<std::uint32_t>(flags);
  return run(p, direction::out, until);
}

result<std::size_t> descriptor::send_zero_copy(std::span<const std::byte> bytes, bool& copied,
                                               deadline until) noexcept {
  pending_operation p{operation_code::send_zero_copy, -1};
  p.set_buffer(bytes.data(), bytes.size());
  p.flags = MSG_WAITALL;
  p.offset = 0;
  const outcome o = run(p, direction::out, until);
  copied = p.offset == 0;
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
