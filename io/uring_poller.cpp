#include <weft/io/uring_poller.hpp>

#include <cerrno>

#include <poll.h>
#include <sys/socket.h>

#include <weft/io/attempt.hpp>
#include <weft/io/receive_provided.hpp>
#include <weft/runtime/base/assert.hpp>

namespace weft::detail {
namespace {

// What a completion is about: the address of an operation, or one of these, which no operation can have.
constexpr std::uint64_t nothing = ring::ignored;  // a cancel's own: the operation's own says how it ended
constexpr std::uint64_t wake_up = 2;

static_assert(alignof(operation) > wake_up);

// Newer than some headers (Linux 6.2): the second completion of SEND_ZC is to say whether it was one.
constexpr unsigned report_usage = 1u << 3;
constexpr unsigned was_copied = 1u << 31;

void prepare(io_uring_sqe* sqe, const operation& op) noexcept {
  const auto flags = static_cast<int>(op.flags);
  const auto offset = static_cast<std::uint64_t>(op.offset);
  switch (op.code) {
    case operation_code::read:
      io_uring_prep_read(sqe, op.fd, op.address, op.length, offset);
      sqe->rw_flags = flags;
      break;
    case operation_code::write:
      io_uring_prep_write(sqe, op.fd, op.address, op.length, offset);
      sqe->rw_flags = flags;
      break;
    case operation_code::readv:
      io_uring_prep_readv2(sqe, op.fd, static_cast<const iovec*>(op.address), op.length, offset, flags);
      break;
    case operation_code::writev:
      io_uring_prep_writev2(sqe, op.fd, static_cast<const iovec*>(op.address), op.length, offset, flags);
      break;
    case operation_code::recv: io_uring_prep_recv(sqe, op.fd, op.address, op.length, flags); break;
    case operation_code::recv_provided:
      io_uring_prep_recv(sqe, op.fd, nullptr, op.length, flags);
      sqe->flags |= IOSQE_BUFFER_SELECT;
      sqe->buf_group = buffer_ring::group;
      break;
    case operation_code::send:
      io_uring_prep_send(sqe, op.fd, op.address, op.length, flags | MSG_NOSIGNAL);
      break;
    case operation_code::send_zero_copy:
      io_uring_prep_send_zc(sqe, op.fd, op.address, op.length, flags | MSG_NOSIGNAL, report_usage);
      break;
    case operation_code::accept: io_uring_prep_accept(sqe, op.fd, nullptr, nullptr, flags); break;
    case operation_code::accept_many:
      io_uring_prep_multishot_accept(sqe, op.fd, nullptr, nullptr, flags);
      break;
    case operation_code::connect:
      io_uring_prep_connect(sqe, op.fd, static_cast<const sockaddr*>(op.address), op.length);
      break;
    case operation_code::close: io_uring_prep_close(sqe, op.fd); break;
    case operation_code::poll: io_uring_prep_poll_add(sqe, op.fd, op.flags); break;
    case operation_code::shutdown: WEFT_ASSERT(false, "shutdown does not go through the ring"); break;
  }
  // Known not to be ready: wait first, and save the futile attempt.
  if (op.hint == operation_hint::not_ready && op.code >= operation_code::recv &&
      op.code <= operation_code::send) {
    sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
  }
  io_uring_sqe_set_data(sqe, const_cast<operation*>(&op));
}

}  // namespace

result<std::unique_ptr<poller>> uring_poller::open(const poller_options& options) {
  auto made = std::make_unique<uring_poller>(options.counters);
  int error = made->wake_.open();
  if (error == 0) error = made->ring_.open(options.queue_depth);
  if (error != 0) return std::unexpected(std::error_code{-error, std::system_category()});
  made->provide_buffers(options);
  made->arm_wake_up();
  made->enter();
  return made;
}

void uring_poller::provide_buffers(const poller_options& options) {
  if (options.receive_buffers == 0) return;
  buffers_ = provided_buffers::make(options.receive_buffers);
  if (buffers_ != nullptr && options.buffer_ring) buffer_ring_.open(ring_, *buffers_);
}

uring_poller::~uring_poller() {
  WEFT_ASSERT(in_flight_ == 0u, "a poller ends before its operations");
  buffer_ring_.close(ring_);
  if (buffers_ != nullptr) buffers_->retire();
}

// --- submitting

// Room for one submission; nullptr if the queue is full and the kernel does not take any now. Delivers
// nothing.
WEFT_ALWAYS_INLINE io_uring_sqe* uring_poller::submission() noexcept {
  io_uring_sqe* const sqe = io_uring_get_sqe(ring_.get());
  return sqe != nullptr ? sqe : submission_slow();
}

void uring_poller::submit(operation& op) noexcept {
  ++in_flight_;
  op.poller_state = idle;
  has_begun(op);  // not last: what follows is, and needs the fiber's stack more
  if (op.code == operation_code::shutdown) [[unlikely]]
    return shut_down(op);
  if (op.code == operation_code::recv_provided) return start_provided(op);
  return start(op);
}

void uring_poller::start_provided(operation& op) noexcept {
  if (buffers_ == nullptr) return end_later(op, -ENOBUFS);
  buffers_->collect();
  return start(op);
}

// The ring hands shutdown to a kernel thread; the call itself never waits.
void uring_poller::shut_down(operation& op) noexcept {
  const int failed = ::shutdown(op.fd, static_cast<int>(op.flags));
  end_later(op, failed != 0 ? -errno : 0);
}

void uring_poller::start(operation& op) noexcept {
  // Behind those that wait already, so that one connection's operations keep their order.
  if (waiting_.empty()) [[likely]]
    if (io_uring_sqe* const sqe = submission()) [[likely]]
      return fill(sqe, op);
  move_to(op, waiting);
  waiting_.push_back(op);
}

io_uring_sqe* uring_poller::submission_slow() noexcept {
  enter();
  return io_uring_get_sqe(ring_.get());
}

void uring_poller::fill(io_uring_sqe* sqe, operation& op) noexcept {
  move_to(op, in_kernel);
  prepare(sqe, op);
  if (op.code != operation_code::recv_provided || buffer_ring_.is_open()) [[likely]]
    return;
  io_uring_prep_poll_add(sqe, op.fd, POLLIN);  // then finish_provided() receives
  io_uring_sqe_set_data(sqe, &op);
}

void uring_poller::cancel(operation& op) noexcept {
  WEFT_ASSERT(place_of(op) != idle, "cancel of an operation that is not in flight");
  if ((op.poller_state & cancelled) != 0) return;
  ++counters_.cancelled;
  op.poller_state |= cancelled;
  if ((op.poller_state & sent) != 0) {
    if (ring_.wants_enter()) enter();
    if (!has_let_go(op)) break_off(op);
  } else if (place_of(op) == waiting) {
    waiting_.remove(op);
    end_later(op, -ECANCELED);
  } else if (place_of(op) == in_kernel) {
    if (io_uring_sqe* const sqe = waiting_.empty() ? submission() : nullptr) return fill_cancel(sqe, op);
    move_to(op, cancel_waiting);
    waiting_.push_back(op);
  }
}

void uring_poller::fill_cancel(io_uring_sqe* sqe, operation& op) noexcept {
  io_uring_prep_cancel(sqe, &op, 0);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  io_uring_sqe_set_data64(sqe, nothing);
}

void uring_poller::end_later(operation& op, int outcome) noexcept {
  move_to(op, ended);
  op.poller_result = outcome;
  ended_.push_back(op);
}

// One poll that goes on: each wake-up is one completion and no submission. The kernel may end it at any time.
bool uring_poller::arm_wake_up() noexcept {
  io_uring_sqe* const sqe = submission();
  if (sqe == nullptr) return false;
  io_uring_prep_poll_multishot(sqe, wake_.descriptor(), POLLIN);
  io_uring_sqe_set_data64(sqe, wake_up);
  wake_up_armed_ = true;
  return true;
}

void uring_poller::submit_waiting() noexcept {
  if (!wake_up_armed_ && !arm_wake_up()) return;
  while (operation* const op = waiting_.front()) {
    io_uring_sqe* const sqe = submission();  // may enter, which changes nothing here: only turn() delivers
    if (sqe == nullptr) return;
    waiting_.remove(*op);
    if (place_of(*op) == waiting) fill(sqe, *op);
    else fill_cancel(sqe, *op);
    move_to(*op, in_kernel);
  }
}

// --- the kernel

// Submits, and lets the kernel deliver into the completion queue what it holds back: without GETEVENTS, which
// this call always sets, it would not under DEFER_TASKRUN. What it refuses to take (EAGAIN, EBUSY, EINTR)
// stays in the queue for the next time.
void uring_poller::enter() noexcept {
  ++counters_.enters;
  const unsigned offered = ring_.submissions();
  const int taken = io_uring_submit_and_get_events(ring_.get());
  counters_.entries += offered - ring_.submissions();
  WEFT_ASSERT(taken >= 0 || taken == -EAGAIN || taken == -EBUSY || taken == -EINTR, "io_uring_enter failed");
}

// As enter(), and waits for one completion.
void uring_poller::sleep(deadline until) noexcept {
  ++counters_.enters;
  ++counters_.sleeps;
  __kernel_timespec left{};
  if (!until.is_never()) {
    const std::int64_t ns = until.remaining().count();
    left.tv_sec = ns / 1'000'000'000;
    left.tv_nsec = ns % 1'000'000'000;
  }
  io_uring_cqe* first = nullptr;
  const unsigned offered = ring_.submissions();
  const int taken =
      io_uring_submit_and_wait_timeout(ring_.get(), &first, 1, until.is_never() ? nullptr : &left, nullptr);
  counters_.entries += offered - ring_.submissions();
  WEFT_ASSERT(taken >= 0 || taken == -ETIME || taken == -EAGAIN || taken == -EBUSY || taken == -EINTR,
              "io_uring_enter failed");
}

// --- delivering

bool uring_poller::ready() const noexcept {
  return ring_.has_submissions() || ring_.has_completions() || ring_.wants_enter() || !ended_.empty() ||
         !waiting_.empty();
}

void uring_poller::turn(deadline until) noexcept {
  const bool may_sleep = !until.is_past();
  bool delivered = false;
  for (;;) {
    if (!waiting_.empty() || !wake_up_armed_) [[unlikely]]
      submit_waiting();
    const bool sleeps = may_sleep && !notified_ && !ring_.has_completions() && ended_.empty();
    if (sleeps) sleep(until);
    else if (ring_.has_submissions() || ring_.wants_enter()) enter();
    delivered = deliver();
    if (!may_sleep || delivered || notified_) break;
    // What the kernel would not take must not wait for something else to happen: the owner sees ready() and
    // comes back.
    if (ring_.has_submissions() || !waiting_.empty() || until.expired()) break;
  }
  if (may_sleep) notified_ = false;
}

bool uring_poller::deliver() noexcept {
  const bool any_ended = deliver_ended();
  return deliver_completions() || any_ended;
}

bool uring_poller::deliver_ended() noexcept {
  if (ended_.empty()) return false;
  operation_list all = ended_.take();  // what ends while these are delivered waits for the next turn
  while (operation* const op = all.pop_front()) finish(*op, op->poller_result);
  return true;
}

bool uring_poller::deliver_completions() noexcept {
  const unsigned there = io_uring_cq_ready(ring_.get());
  if (there == 0) return false;
  counters_.events += there;
  counters_.events_at_once.record(there);
  bool any = false;
  unsigned head = 0;
  unsigned seen = 0;
  io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(ring_.get(), head, cqe) {
    if (seen++ == there) break;
    const std::uint64_t about = cqe->user_data;
    if (about == wake_up) woken((cqe->flags & IORING_CQE_F_MORE) != 0);
    else if (about != nothing) {
      operation& op = *reinterpret_cast<operation*>(static_cast<std::uintptr_t>(about));
      if ((cqe->flags & (IORING_CQE_F_MORE | IORING_CQE_F_NOTIF)) != 0 &&
          op.code == operation_code::send_zero_copy) [[unlikely]] {
        any |= deliver_zero_copy(op, *cqe);
      } else {
        deliver_one(op, cqe->res, cqe->flags);
        any = true;
      }
    }
  }
  io_uring_cq_advance(ring_.get(), there);
  return any;
}

void uring_poller::deliver_one(operation& op, int outcome, std::uint32_t flags) noexcept {
  const bool more = (flags & IORING_CQE_F_MORE) != 0;
  const bool goes_on = op.code == operation_code::accept_many && outcome >= 0;
  if (!goes_on) {
    WEFT_ASSERT(!more);
    if (place_of(op) == cancel_waiting) waiting_.remove(op);
    if (op.code == operation_code::recv_provided) return finish_provided(op, outcome, flags);
    return finish(op, outcome);
  }
  complete(op, outcome, true);
  if (more) return;
  // The kernel ended the multishot although nothing failed (it does when the completion queue overflows):
  // start it again.
  if (place_of(op) == cancel_waiting) waiting_.remove(op);
  if ((op.poller_state & cancelled) != 0) end_later(op, -ECANCELED);
  else start(op);
}

// Two completions: what the kernel took, and that it has let go of it. True: that was the second.
bool uring_poller::deliver_zero_copy(operation& op, const io_uring_cqe& about) noexcept {
  if ((about.flags & IORING_CQE_F_NOTIF) == 0) {
    op.poller_result = about.res;
    if (about.res > 0) op.poller_state |= sent;  // else it holds nothing, and says so at once
    if ((op.poller_state & cancelled) != 0 && about.res > 0 && !has_let_go(op)) break_off(op);
    return false;
  }
  if (place_of(op) == cancel_waiting) waiting_.remove(op);
  if ((op.poller_state & broken_off) != 0) {
    op.offset = op.poller_result;
    finish(op, -ECANCELED);
    return true;
  }
  if (op.poller_result >= 0) op.offset = (static_cast<unsigned>(about.res) & was_copied) != 0 ? 0 : 1;
  finish(op, op.poller_result);
  return true;
}

// Whether its second completion is there and waits to be delivered: then it was faster than its cancel.
bool uring_poller::has_let_go(const operation& op) noexcept {
  unsigned head = 0;
  const io_uring_cqe* cqe = nullptr;
  io_uring_for_each_cqe(ring_.get(), head, cqe) {
    const bool last = (cqe->flags & IORING_CQE_F_NOTIF) != 0;
    if (last && cqe->user_data == reinterpret_cast<std::uintptr_t>(&op)) return true;
  }
  return false;
}

// What was sent waits for the peer's acknowledgement, which may never come. Nothing takes it back from the
// socket's queue but the end of the connection: connect(2) to nowhere sends a reset and drops the queue.
void uring_poller::break_off(operation& op) noexcept {
  op.poller_state |= broken_off;
  const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
  (void)::connect(op.fd, &nowhere, sizeof nowhere);
}

void uring_poller::finish_provided(operation& op, int outcome, std::uint32_t flags) noexcept {
  if (outcome > 0 && buffer_ring_.is_open()) [[likely]] {
    WEFT_ASSERT((flags & IORING_CQE_F_BUFFER) != 0, "bytes were received into no buffer");
    std::byte* const buffer = buffers_->chosen(flags >> IORING_CQE_BUFFER_SHIFT);
    buffers_->cut(buffer, static_cast<std::size_t>(outcome));
    op.address = buffer;
  } else if (outcome > 0) {
    outcome = receive_provided(*buffers_, op);
    if (outcome == must_wait && (op.poller_state & cancelled) == 0) return start(op);
    if (outcome == must_wait) outcome = -ECANCELED;
  } else if (outcome == -ENOBUFS) {
    buffers_->count_refusal();
  }
  finish(op, outcome);
}

void uring_poller::finish(operation& op, int outcome) noexcept {
  op.poller_state = idle;
  --in_flight_;
  complete(op, outcome, false);
}

void uring_poller::woken(bool armed) noexcept {
  wake_up_armed_ = armed;
  notified_ = true;
  wake_.acknowledge();
}

}  // namespace weft::detail
