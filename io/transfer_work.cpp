#include <weft/io/transfer_work.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include <weft/io/cached_read.hpp>
#include <weft/runtime/blocking.hpp>
#include <weft/runtime/this_fiber.hpp>

namespace weft::detail {
namespace {

using io::transfer_way;
using side_kind = transfer_side::kind;
using side_role = transfer_side::role;

// Between two looks at the clock, at a stop and at the other fibers: moved within some 300 us.
constexpr std::size_t piece_max = 1 << 20;
// On a thread of its own, so that only who cancels or closes waits for its end: some milliseconds.
constexpr std::size_t file_piece_max = 16 << 20;
// A chunk that is copied: large enough to forget the system calls, small enough for the second-level cache.
constexpr std::size_t copy_max = 64 << 10;
// Between two attempts at what is not as ready as it says; up to sixteen times as long. A guess.
constexpr std::chrono::milliseconds pause_shortest{1};
// How late a foreign thread may hear that the other end is being closed. A guess.
constexpr std::chrono::milliseconds slice{20};

constexpr unsigned splice_flags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

template <class F>
outcome plain_call(F& f) noexcept {
  for (;;) {
    const ssize_t r = f();
    if (r >= 0) return static_cast<outcome>(r);
    if (errno != EINTR) return -errno;
  }
}

// The kernel says that it does not do it this way. If something else is wrong, copying will say so again.
bool is_refusal(outcome o) noexcept {
  switch (o) {
    case -EINVAL:
    case -ENOSYS:
    case -EOPNOTSUPP:
    case -EXDEV:
    case -EPERM:
    case -EBADF:  // copy_file_range to a file that is appended to
    case -ETXTBSY: return true;
    default: return false;
  }
}

outcome outcome_of(const std::error_code& error) noexcept {
  return error.category() == weft_category() ? failure(static_cast<errc>(error.value())) : -error.value();
}

}  // namespace

// --- the pipe between

passage::passage() noexcept {
  if (worker* const here = worker::current()) ends_ = here->io().pipes().take();
  if (ends_.read >= 0) return;
  int made[2];
  if (::pipe2(made, O_CLOEXEC | O_NONBLOCK) != 0) {
    error_ = -errno;
    return;
  }
  ends_ = {made[0], made[1]};
  (void)::fcntl(ends_.write, F_SETPIPE_SZ, static_cast<int>(capacity));
}

passage::~passage() {
  if (ends_.read < 0) return;
  worker* const here = worker::current();
  if (here != nullptr && filled == 0) here->io().pipes().keep(ends_);
  else idle_pipes::close(ends_);
}

// --- the whole

transfer_work::transfer_work(const io::transfer_end& source, const io::transfer_end& target, std::uint64_t n,
                             deadline until) noexcept
    : source_{source, side_role::source}, target_{target, side_role::target}, n_{n}, until_{until} {}

io::transfer_result transfer_work::run(transfer_way by) {
  outcome o = begin();
  if (o < 0 || n_ == 0) return finish(o);
  by = by == transfer_way::none ? best() : can_go(by) ? by : transfer_way::copying;
  for (;;) {
    o = go(by);
    if (!is_refusal(o) || by == transfer_way::copying) return finish(o);
    if (moved_.taken != moved_.bytes) return finish(o);  // copying would leave out what is lost, and succeed
    // Between two file systems sendfile copies once, where copying does it twice.
    const bool next = by == transfer_way::copy_file_range && can_go(transfer_way::sendfile);
    by = next ? transfer_way::sendfile : transfer_way::copying;
  }
}

outcome transfer_work::begin() noexcept {
  if (worker::current() == nullptr) {
    quiet_.emplace();
    until_ = std::min(until_, deadline_here());
  }
  if (const outcome o = source_.enter(until_); o < 0) return o;
  if (const outcome o = target_.enter(until_); o < 0) return o;
  return transfer_side::keep_apart(source_, target_, n_);
}

io::transfer_result transfer_work::finish(outcome o) const noexcept {
  if (o < 0) return std::unexpected(io::transfer_failure{error_of(o), moved_});
  return moved_;
}

// Measured, benchmarks/transfers, 1 GiB to a socket of the loopback: sendfile takes 0.35 s of CPU per GB,
// splice through a pipe 0.42, copying 0.66; the throughput of the first two is the same.
transfer_way transfer_work::best() const noexcept {
  if (source_.what() == side_kind::stored && target_.what() == side_kind::stored)
    return transfer_way::copy_file_range;
  if (can_go(transfer_way::sendfile)) return transfer_way::sendfile;
  return can_go(transfer_way::splice) ? transfer_way::splice : transfer_way::copying;
}

bool transfer_work::can_go(transfer_way by) const noexcept {
  const side_kind from = source_.what(), to = target_.what();
  switch (by) {
    case transfer_way::sendfile:
      if (from != side_kind::stored || target_.at() >= 0) return false;
      return to == side_kind::socket || to == side_kind::stored;
    // A terminal or a device may block whatever the flags say.
    case transfer_way::splice: return from != side_kind::other && to != side_kind::other;
    case transfer_way::copy_file_range: return from == side_kind::stored && to == side_kind::stored;
    default: return false;
  }
}

outcome transfer_work::go(transfer_way by) {
  way_ = by;
  switch (by) {
    case transfer_way::sendfile: return by_sendfile();
    case transfer_way::copy_file_range: return by_copy_file_range();
    case transfer_way::splice:
      if (source_.what() == side_kind::pipe || target_.what() == side_kind::pipe) return by_splice();
      return by_passage();
    default: return by_copying();
  }
}

// Both counts at once, where the kernel takes nothing that it does not deliver.
void transfer_work::moved(std::size_t bytes) noexcept {
  moved_.bytes += bytes;
  if (moved_.way < way_) moved_.way = way_;
}

// Between two pieces, as every call that would wait.
outcome transfer_work::go_on() noexcept {
  if (closed()) return failure(errc::closed);
  if (const result<void> may = this_fiber::checkpoint(); !may) return outcome_of(may.error());
  return until_.expired() ? failure(errc::deadline_exceeded) : 0;
}

// --- waiting

outcome transfer_work::perform(pending_operation& p) noexcept {
  if (closed()) return failure(errc::closed);
  if (worker::current() == nullptr) return perform_in_slices(p);
  source_.doing(&p);
  target_.doing(&p);
  const outcome o = detail::perform(p, until_);
  source_.doing(nullptr);
  target_.doing(nullptr);
  return o;
}

// A foreign thread looks at one notice while it waits, and at the other between.
outcome transfer_work::perform_in_slices(pending_operation& p) noexcept {
  p.closed = source_.notice() != nullptr ? source_.notice() : target_.notice();
  for (;;) {
    const outcome o = detail::perform(p, std::min(until_, deadline{slice}));
    if (o != failure(errc::deadline_exceeded) || until_.expired()) return o;
    if (closed()) return failure(errc::closed);
    p.asked = pending_operation::asked_by::nobody;
  }
}

outcome transfer_work::wait(transfer_side& side, short events, unsigned failures) noexcept {
  if (failures % 2 != 0) return pause(failures);
  pending_operation p{operation_code::poll, side.fd()};
  p.flags = static_cast<std::uint16_t>(events);
  return perform(p);
}

// One of two ends was not ready, and the call does not say which.
outcome transfer_work::wait_for_either(unsigned failures) noexcept {
  bool source = source_.has_readiness();
  if (source && target_.has_readiness()) {
    pollfd readable{source_.fd(), POLLIN, 0};
    source = ::poll(&readable, 1, 0) == 0;
  }
  return source ? wait(source_, POLLIN, failures) : wait(target_, POLLOUT, failures);
}

// What was reported ready and yet would wait may be so for ever: as descriptor::wait_to_attempt().
outcome transfer_work::pause(unsigned failures) noexcept {
  const deadline next{pause_shortest * (1 << std::min(failures / 2, 4u))};
  if (const result<void> slept = this_fiber::sleep_until(std::min(next, until_)); !slept)
    return outcome_of(slept.error());
  return closed() ? failure(errc::closed) : until_.expired() ? failure(errc::deadline_exceeded) : 0;
}

template <class F>
outcome transfer_work::call(bool here, F f) noexcept {
  if (here) return plain_call(f);
  const result<outcome> done = blocking([&f]() noexcept { return plain_call(f); }, until_);
  return done ? *done : outcome_of(done.error());
}

// Whether reading or writing it cannot wait for a disk; a foreign thread may wait.
bool transfer_work::in_memory(const transfer_side& side, std::size_t size) const noexcept {
  return worker::current() == nullptr || side.in_memory(size);
}

// --- the ways

outcome transfer_work::by_sendfile() noexcept {
  const bool to_disk = target_.what() == side_kind::stored;
  for (unsigned failures = 0;;) {
    const std::size_t size = left(piece_max);
    if (size == 0) return 0;
    outcome o = call(!to_disk && in_memory(source_, size),
                     [&] { return ::sendfile(target_.fd(), source_.fd(), source_.offset(), size); });
    if (o == 0) return 0;  // the end of the file
    if (o > 0) {
      moved_.taken += static_cast<std::size_t>(o);
      moved(static_cast<std::size_t>(o));
      failures = 0;
      o = left(1) != 0 ? go_on() : 0;
    } else if (o == -EAGAIN) {
      o = wait(target_, POLLOUT, failures++);
    }
    if (o < 0) return o;
  }
}

// One of them is a pipe.
outcome transfer_work::by_splice() noexcept {
  const bool to_disk = target_.what() == side_kind::stored;
  for (unsigned failures = 0;;) {
    const std::size_t size = left(piece_max);
    if (size == 0) return 0;
    outcome o = call(!to_disk && in_memory(source_, std::min(size, passage::capacity)), [&] {
      return ::splice(source_.fd(), source_.offset(), target_.fd(), target_.offset(), size, splice_flags);
    });
    if (o == 0) return 0;  // the end of the source
    if (o > 0) {
      moved_.taken += static_cast<std::size_t>(o);
      moved(static_cast<std::size_t>(o));
      failures = 0;
      o = left(1) != 0 ? go_on() : 0;
    } else if (o == -EAGAIN) {
      o = wait_for_either(failures++);
    }
    if (o < 0) return o;
  }
}

// Neither is a pipe: through one.
outcome transfer_work::by_passage() {
  passage between;
  if (between.error() != 0) return -EOPNOTSUPP;  // no descriptor left: copying needs none
  while (left(1) != 0) {
    outcome o = fill(between);
    if (o > 0) o = drain(between);
    else return o;
    if (o >= 0 && left(1) != 0) o = go_on();
    if (o < 0) return o;
  }
  return 0;
}

outcome transfer_work::fill(passage& with) noexcept {
  for (unsigned failures = 0;;) {
    const std::size_t size = left(passage::capacity);
    outcome o = call(in_memory(source_, size), [&] {
      return ::splice(source_.fd(), source_.offset(), with.in(), nullptr, size, splice_flags);
    });
    if (o > 0) {
      with.filled += static_cast<std::size_t>(o);
      moved_.taken += static_cast<std::size_t>(o);
    } else if (o == -EAGAIN) {
      o = wait(source_, POLLIN, failures++);
      if (o >= 0) continue;
    }
    return o;
  }
}

outcome transfer_work::drain(passage& with) {
  const bool to_disk = target_.what() == side_kind::stored;
  for (unsigned failures = 0; with.filled > 0;) {
    outcome o = call(!to_disk || worker::current() == nullptr, [&] {
      return ::splice(with.out(), nullptr, target_.fd(), target_.offset(), with.filled, splice_flags);
    });
    if (o > 0) {
      with.filled -= static_cast<std::size_t>(o);
      moved(static_cast<std::size_t>(o));
      failures = 0;
      o = with.filled > 0 ? go_on() : 0;
    } else if (o == -EAGAIN) {
      o = wait(target_, POLLOUT, failures++);
    } else if (o == 0) {
      return -EIO;  // a device that takes nothing and says no reason
    } else if (is_refusal(o)) {
      return drain_by_copying(with);
    }
    if (o < 0) return o;
  }
  return 0;
}

// The target takes no pages; those in the pipe must not be lost.
outcome transfer_work::drain_by_copying(passage& with) {
  way_ = transfer_way::copying;
  io::aligned_buffer memory{copy_max};
  while (with.filled > 0) {
    const ssize_t got = ::read(with.out(), memory.data(), memory.size());
    if (got <= 0) return got < 0 ? -errno : -EIO;
    with.filled -= static_cast<std::size_t>(got);
    if (const outcome o = write(memory.bytes().first(static_cast<std::size_t>(got))); o < 0) return o;
  }
  return 0;
}

outcome transfer_work::by_copy_file_range() noexcept {
  for (;;) {
    const std::size_t size = left(file_piece_max);
    if (size == 0) return 0;
    outcome o = call(false, [&] {
      return ::copy_file_range(source_.fd(), source_.offset(), target_.fd(), target_.offset(), size, 0);
    });
    // Nothing at all may also mean a file that is made while it is read, as those of /proc, and says size 0.
    if (o == 0) return moved_.taken == 0 ? -EOPNOTSUPP : 0;
    if (o < 0) return o;
    moved_.taken += static_cast<std::size_t>(o);
    moved(static_cast<std::size_t>(o));
    if (left(1) == 0) return 0;
    o = go_on();
    if (o < 0) return o;
  }
}

outcome transfer_work::by_copying() {
  way_ = transfer_way::copying;
  io::aligned_buffer memory{copy_max};
  while (left(1) != 0) {
    const outcome got = read(memory.bytes().first(left(copy_max)));
    if (got <= 0) return got;
    outcome o = write(memory.bytes().first(static_cast<std::size_t>(got)));
    if (o >= 0 && left(1) != 0) o = go_on();
    if (o < 0) return o;
  }
  return 0;
}

outcome transfer_work::read(std::span<std::byte> into) noexcept {
  outcome o = 0;
  if (source_.what() == side_kind::stored) {
    const iovec all{into.data(), into.size()};
    const ssize_t n = ::preadv2(source_.fd(), &all, 1, source_.at(), RWF_NOWAIT);
    o = n >= 0 ? static_cast<outcome>(n) : -EAGAIN;
  }
  if (source_.what() != side_kind::stored || o == -EAGAIN) {
    const bool socket = source_.what() == side_kind::socket;
    pending_operation p{socket ? operation_code::recv : operation_code::read, source_.fd()};
    p.set_buffer(into.data(), into.size());
    p.offset = source_.at();
    o = perform(p);
  }
  if (o > 0) {
    source_.advance(static_cast<std::size_t>(o));
    moved_.taken += static_cast<std::size_t>(o);
  }
  return o;
}

outcome transfer_work::write(std::span<const std::byte> bytes) noexcept {
  const bool socket = target_.what() == side_kind::socket;
  while (!bytes.empty()) {
    pending_operation p{socket ? operation_code::send : operation_code::write, target_.fd()};
    p.set_buffer(bytes.data(), bytes.size());
    p.offset = target_.at();
    const outcome o = perform(p);
    if (o <= 0) return o < 0 ? o : -EIO;
    target_.advance(static_cast<std::size_t>(o));
    moved(static_cast<std::size_t>(o));
    bytes = bytes.subspan(static_cast<std::size_t>(o));
  }
  return 0;
}

// --- the others

io::transfer_result transfer_work::run_tee() {
  outcome o = begin();
  if (o >= 0 && source_.what() != side_kind::pipe) o = -EINVAL;  // only a pipe can be read and keep its bytes
  if (o >= 0 && n_ != 0) o = tee_once();
  moved_.taken = 0;
  return finish(o);
}

outcome transfer_work::tee_once() {
  way_ = transfer_way::tee;
  const bool direct = target_.what() == side_kind::pipe;
  std::optional<passage> between;
  if (!direct) {
    between.emplace();
    if (between->error() != 0) return between->error();
  }
  for (unsigned failures = 0;;) {
    const int into = direct ? target_.fd() : between->in();
    outcome o = call(true, [&] { return ::tee(source_.fd(), into, left(piece_max), SPLICE_F_NONBLOCK); });
    if (o == -EAGAIN) {
      o = direct ? wait_for_either(failures++) : wait(source_, POLLIN, failures++);
      if (o >= 0) continue;
    }
    if (o <= 0) return o;
    if (direct) {
      moved(static_cast<std::size_t>(o));
      return o;
    }
    between->filled = static_cast<std::size_t>(o);
    // A terminal or a device may block whatever the flags say.
    return target_.what() == side_kind::other ? drain_by_copying(*between) : drain(*between);
  }
}

io::transfer_result transfer_work::run_through(transform f, void* context) {
  way_ = transfer_way::copying;
  if (const outcome o = begin(); o < 0) return finish(o);
  io::aligned_buffer memory{copy_max};
  for (;;) {
    const std::size_t size = left(copy_max);
    const outcome got = size != 0 ? read(memory.bytes().first(size)) : 0;
    if (got < 0) return finish(got);
    const result<byte_view> changed = f(context, memory.bytes().first(static_cast<std::size_t>(got)));
    if (!changed) return std::unexpected(io::transfer_failure{changed.error(), moved_});
    outcome o = write(*changed);
    if (got == 0 || o < 0) return finish(o);
    o = go_on();
    if (o < 0) return finish(o);
  }
}

}  // namespace weft::detail
