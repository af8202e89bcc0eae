#include <weft/io/epoll_poller.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/io/attempt.hpp>
#include <weft/io/receive_provided.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::detail {
namespace {

static_assert(POLLIN == EPOLLIN && POLLPRI == EPOLLPRI && POLLOUT == EPOLLOUT && POLLERR == EPOLLERR &&
              POLLHUP == EPOLLHUP && POLLRDHUP == EPOLLRDHUP);

constexpr std::uint32_t failed = EPOLLERR | EPOLLHUP;  // reported whether asked for or not
constexpr std::uint32_t readable = EPOLLIN | EPOLLPRI | EPOLLRDHUP | failed;
constexpr std::uint32_t writable = EPOLLOUT | failed;

// What poll(2) says of a file that has no readiness.
constexpr std::uint32_t always_ready = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;

bool is_transfer(const operation& op) noexcept {
  return op.code == operation_code::read || op.code == operation_code::write ||
         op.code == operation_code::readv || op.code == operation_code::writev;
}

bool tried_at_once(const operation& op) noexcept {
  if (op.code == operation_code::poll || op.code == operation_code::accept_many) return false;
  return op.hint != operation_hint::not_ready || op.code == operation_code::connect;
}

int poll_once(const operation& op) noexcept {
  pollfd asked{op.fd, static_cast<short>(op.flags), 0};
  if (::poll(&asked, 1, 0) < 0) return -errno;
  if ((asked.revents & POLLNVAL) != 0) return -EBADF;
  return asked.revents != 0 ? asked.revents : must_wait;
}

std::uint32_t interest_of(const operation& op) noexcept {
  switch (op.code) {
    case operation_code::poll: return op.flags;
    case operation_code::recv: return (op.flags & MSG_OOB) != 0 ? EPOLLPRI : EPOLLIN;
    case operation_code::write:
    case operation_code::writev:
    case operation_code::send:
    case operation_code::send_zero_copy:
    case operation_code::connect: return EPOLLOUT;
    default: return EPOLLIN;
  }
}

}  // namespace

result<std::unique_ptr<poller>> epoll_poller::open(const poller_options& options) {
  auto made = std::make_unique<epoll_poller>(options.offload, options.counters);
  if (const int error = made->open_descriptors(); error != 0) {
    return std::unexpected(std::error_code{-error, std::system_category()});
  }
  if (options.receive_buffers != 0) made->buffers_ = provided_buffers::make(options.receive_buffers);
  return made;
}

int epoll_poller::open_descriptors() noexcept {
  if (const int error = wake_.open(); error != 0) return error;
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return -errno;
  epoll_event edge{};
  edge.events = EPOLLIN | EPOLLET;
  edge.data.u64 = wake_up;
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_.descriptor(), &edge) == 0 ? 0 : -errno;
}

epoll_poller::~epoll_poller() {
  WEFT_ASSERT(in_flight_ == 0u, "a poller ends before its operations");
  if (epoll_ >= 0) ::close(epoll_);
  if (buffers_ != nullptr) buffers_->retire();
}

// --- who waits

epoll_poller::waiters& epoll_poller::waiters_of(int fd) noexcept {
  const auto index = static_cast<std::size_t>(fd);
  const std::size_t chunk = index / waiters_per_chunk;
  if (chunk >= table_.size()) table_.resize(chunk + 1);
  if (table_[chunk] == nullptr) table_[chunk] = std::make_unique<waiters[]>(waiters_per_chunk);
  return table_[chunk][index % waiters_per_chunk];
}

operation_list& epoll_poller::list_of(waiters& all, const operation& op) noexcept {
  if (op.code == operation_code::poll) return all.polls;
  return interest_of(op) == EPOLLOUT ? all.writers : all.readers;
}

void epoll_poller::wait(operation& op, waiters& all) noexcept {
  op.poller_state = waiting;
  list_of(all, op).push_back(op);
  ++waiting_;
  mark_changed(op.fd, all);
}

void epoll_poller::stop_waiting(operation& op, waiters& all) noexcept {
  list_of(all, op).remove(op);
  --waiting_;
}

void epoll_poller::end_later(operation& op, int outcome) noexcept {
  op.poller_state = ended;
  op.poller_result = outcome;
  ended_.push_back(op);
}

void epoll_poller::end_waiting(operation& op, waiters& all, int error) noexcept {
  stop_waiting(op, all);
  end_later(op, progress_or(op, error));
}

void epoll_poller::perform_on_thread(operation& op) noexcept {
  op.poller_state = on_thread;
  if (!files_.start(op)) end_later(op, op.poller_result);
}

template <class F>
void epoll_poller::for_each_waiting(waiters& all, F f) noexcept {
  for (const operation_list* const list : {&all.readers, &all.writers, &all.polls}) {
    operation* op = list->front();
    while (op != nullptr) f(*std::exchange(op, operation_list::after(*op)));
  }
}

// --- submitting

// Only noted: this may be a fiber's stack, and the turn that tries it is the one that could deliver it
// anyway.
void epoll_poller::submit(operation& op) noexcept {
  ++in_flight_;
  op.poller_state = fresh;
  fresh_.push_back(op);
  has_begun(op);
}

void epoll_poller::cancel(operation& op) noexcept {
  WEFT_ASSERT(op.poller_state != idle, "cancel of an operation that is not in flight");
  ++counters_.cancelled;
  switch (op.poller_state) {
    case fresh: op.poller_state = fresh_cancelled; break;
    case waiting:
    case registered: end_waiting(op, waiters_of(op.fd), -ECANCELED); break;
    case on_thread:
      if (files_.withdraw(op)) end_later(op, -ECANCELED);
      break;
    default: break;
  }
}

void epoll_poller::start_fresh() noexcept {
  while (operation* const op = fresh_.pop_front()) start(*op);
}

void epoll_poller::start(operation& op) noexcept {
  op.poller_result = 0;
  if (op.fd < 0) return end_later(op, -EBADF);
  switch (op.code) {
    case operation_code::close: return end_later(op, ::close(op.fd) == 0 ? 0 : -errno);
    case operation_code::shutdown:
      return end_later(op, ::shutdown(op.fd, static_cast<int>(op.flags)) == 0 ? 0 : -errno);
    case operation_code::accept_many:
      if (const int error = prepare_accept(op.fd); error != 0) return end_later(op, error);
      break;
    default: break;
  }
  start_at(op, waiters_of(op.fd), op.poller_state == fresh_cancelled);
}

int epoll_poller::try_once(operation& op, bool seen_ready) noexcept {
  if (op.code != operation_code::recv_provided) [[likely]]
    return attempt(op, seen_ready);
  return buffers_ != nullptr ? receive_provided(*buffers_, op) : -ENOBUFS;
}

void epoll_poller::start_at(operation& op, waiters& all, bool only_once) noexcept {
  if (list_of(all, op).empty() && (tried_at_once(op) || only_once)) {
    const int outcome = op.code == operation_code::poll          ? poll_once(op)
                        : op.code == operation_code::accept_many ? must_wait
                                                                 : try_once(op, only_once);
    if (outcome == needs_thread) return perform_on_thread(op);
    if (outcome != must_wait) return end_later(op, outcome);
  }
  if (only_once) return end_later(op, progress_or(op, -ECANCELED));
  wait(op, all);
}

// --- registering

void epoll_poller::mark_changed(int fd, waiters& all) noexcept {
  if (std::exchange(all.changed, true)) return;
  all.next_changed = std::exchange(changed_, fd);
}

void epoll_poller::register_changed() noexcept {
  int fd = std::exchange(changed_, -1);
  while (fd >= 0) {
    waiters& all = waiters_of(fd);
    const int next = all.next_changed;
    all.changed = false;
    if (!all.empty()) register_waiters(fd, all);
    fd = next;
  }
}

int epoll_poller::set_interest(int fd, std::uint32_t events, int how) noexcept {
  epoll_event event{};
  event.events = events | EPOLLONESHOT;
  event.data.u64 = static_cast<std::uint64_t>(fd);
  return ::epoll_ctl(epoll_, how, fd, &event) == 0 ? 0 : -errno;
}

void epoll_poller::register_waiters(int fd, waiters& all) noexcept {
  std::uint32_t events = 0;
  for_each_waiting(all, [&](const operation& op) { events |= interest_of(op); });
  int error = set_interest(fd, events, EPOLL_CTL_MOD);
  if (error == -ENOENT) {
    // The kernel does not know this file under this number. Who was registered waits for a file that is gone.
    for_each_waiting(all, [&](operation& op) {
      if (op.poller_state == registered) end_waiting(op, all, -EBADF);
    });
    if (all.empty()) return;
    error = set_interest(fd, events, EPOLL_CTL_ADD);
  }
  for_each_waiting(all, [&](operation& op) {
    if (error == 0) {
      op.poller_state = registered;
    } else if (error != -EPERM) {
      end_waiting(op, all, error);
    } else if (is_transfer(op)) {  // EPERM: has no readiness
      stop_waiting(op, all);
      perform_on_thread(op);
    } else if (op.code == operation_code::poll) {
      end_waiting(op, all, static_cast<int>(op.flags & always_ready));
    } else {
      const int outcome = try_once(op, true);
      end_waiting(op, all, outcome == must_wait ? -EPERM : outcome);
    }
  });
}

// --- the kernel

void epoll_poller::wait_for_events(deadline until) noexcept {
  int count = std::exchange(found_, 0);
  if (count == 0) {
    if (!until.is_past()) ++counters_.sleeps;
    count = ask_kernel(until);
  }
  if (count > 0) {
    counters_.events += static_cast<std::uint64_t>(count);
    counters_.events_at_once.record(static_cast<std::uint64_t>(count));
  }
  for (int i = 0; i < count; ++i) {
    const epoll_event event = events_[i];
    if (event.data.u64 == wake_up) {
      notified_ = true;
      wake_.acknowledge();
    } else {
      serve(static_cast<int>(event.data.u64), event.events);
    }
  }
}

int epoll_poller::ask_kernel(deadline until) const noexcept {
  ++counters_.enters;
  const std::int64_t left = until.is_never() ? 0 : until.remaining().count();
  if (has_pwait2_) {
    const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
    const int count =
        ::epoll_pwait2(epoll_, events_, events_max, until.is_never() ? nullptr : &timeout, nullptr);
    if (count >= 0 || errno == EINTR) return count;
    WEFT_ASSERT(errno == ENOSYS || errno == EPERM, "epoll_pwait2 failed");
    has_pwait2_ = false;  // before Linux 5.11, or hidden by seccomp
  }
  // Milliseconds, rounded up: never early.
  const std::int64_t ms = std::min<std::int64_t>(left / 1'000'000 + (left % 1'000'000 != 0), INT_MAX);
  const int count = ::epoll_wait(epoll_, events_, events_max, until.is_never() ? -1 : static_cast<int>(ms));
  WEFT_ASSERT(count >= 0 || errno == EINTR, "epoll_wait failed");
  return count;
}

// Everything that the event allows; who still waits is registered again in the next turn, because it was one
// shot. An event may also be about a file that had this number before: then nothing is ready, and that
// registration has fired for good.
void epoll_poller::serve(int fd, std::uint32_t events) noexcept {
  waiters& all = waiters_of(fd);
  if ((events & readable) != 0) serve_list(all.readers, all);
  if ((events & writable) != 0) serve_list(all.writers, all);
  operation* next = all.polls.front();
  while (next != nullptr) {
    operation& op = *std::exchange(next, operation_list::after(*next));
    const std::uint32_t seen = events & (op.flags | failed);
    if (seen != 0) end_waiting(op, all, static_cast<int>(seen));
  }
  if (!all.empty()) mark_changed(fd, all);
}

void epoll_poller::serve_list(operation_list& list, waiters& all) noexcept {
  while (operation* const op = list.front()) {
    if (op->code == operation_code::accept_many) return accept_connections(*op, all);
    const int outcome = try_once(*op, true);
    if (outcome == must_wait) return;
    stop_waiting(*op, all);
    if (outcome == needs_thread) perform_on_thread(*op);
    else end_later(*op, outcome);
  }
}

void epoll_poller::accept_connections(operation& op, waiters& all) noexcept {
  for (int i = 0; i < accepts_per_event; ++i) {
    const int outcome = attempt_accept(op);
    if (outcome == must_wait) return;
    if (outcome < 0) return end_waiting(op, all, outcome);
    delivered_ = true;
    complete(op, outcome, true);
    if (op.poller_state == ended) return;  // it has cancelled itself
  }
}

// --- delivering

bool epoll_poller::ready() const noexcept {
  if (!fresh_.empty() || !ended_.empty() || changed_ >= 0 || files_.any_ended()) return true;
  if (waiting_ != 0 && found_ == 0) found_ = std::max(ask_kernel(deadline::past()), 0);
  return found_ != 0;
}

void epoll_poller::turn(deadline until) noexcept {
  const bool may_sleep = !until.is_past();
  for (;;) {
    start_fresh();
    register_changed();
    const bool sleeps = may_sleep && !notified_ && ended_.empty() && !files_.any_ended();
    if (sleeps || waiting_ != 0 || found_ != 0) wait_for_events(sleeps ? until : deadline::past());
    const bool delivered = deliver();
    if (!may_sleep || delivered || notified_ || until.expired()) break;
  }
  if (may_sleep) notified_ = false;
}

bool epoll_poller::deliver() noexcept {
  operation_list from_threads = files_.collect();
  while (operation* const op = from_threads.pop_front()) end_later(*op, op->poller_result);
  bool delivered = std::exchange(delivered_, false);
  operation_list all = ended_.take();  // what ends while these are delivered waits for the next turn
  while (operation* const op = all.pop_front()) {
    delivered = true;
    op->poller_state = idle;
    --in_flight_;
    complete(*op, op->poller_result, false);
  }
  return delivered;
}

}  // namespace weft::detail
