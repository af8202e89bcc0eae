// A file descriptor that several fibers may use while another closes it.
//
// One operation per direction at a time: a second waits its turn, first come first served (the kernel would
// interleave two sends, and give data to the last of two receives). close() tells what is in flight, on
// whichever worker, to end, waits until the kernel has let go, and only then closes the number, so none can
// be reused under an operation.
//
// A direction is one word: who uses it, and whether somebody else has to be told when it is free (the
// attention bit). Without that bit an operation takes and leaves its direction by one compare-exchange each;
// with it, under the lock, which guards everything else. The bit is set under the lock only, so whoever holds
// the lock and has set it keeps the user there.
//
// Source: Go's internal/poll/fd_mutex.go has the same three parties in one word.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include <sys/socket.h>
#include <sys/uio.h>

#include <weft/io/closers.hpp>
#include <weft/io/closing_notice.hpp>
#include <weft/io/leased_bytes.hpp>
#include <weft/io/perform.hpp>
#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

class descriptor {
 public:
  /// None: every operation fails with `closed`.
  descriptor() noexcept : descriptor{-1} {}

  /// Owns `fd`.
  explicit descriptor(int fd) noexcept
      : fd_{fd}, closing_{fd < 0}, words_{fd < 0 ? attention : 0, fd < 0 ? attention : 0} {}

  /// Only while nobody uses `from`.
  descriptor(descriptor&& from) noexcept;
  descriptor& operator=(descriptor&& from) noexcept;

  /// As close().
  ~descriptor() { close(); }

  // Each of these waits its turn, then does one operation.
  //
  // Blocks     the calling fiber or foreign thread.
  // Errors     closed, canceled, deadline_exceeded, the kernel's. A past deadline tries once.
  // Cancelled  as perform().
  // Safe from  any fiber or thread.

  /// Bytes received, 0 at the end of the stream. Tries without a park where data is likely to be there.
  [[nodiscard]] result<std::size_t> recv(std::span<std::byte> into, int flags = 0,
                                         deadline until = {}) noexcept {
    return to_result<std::size_t>(recv_outcome(into, flags, until));
  }

  /// As recv, into a buffer of the worker's that is chosen when bytes have come: waiting costs none. Empty at
  /// the end of the stream.
  ///
  /// Errors     limit: there is something to receive, and no buffer for it, or none that `by` may have. Now
  ///            recv() will have it in memory of the caller's own. A foreign thread never gets a buffer.
  [[nodiscard]] result<io::leased_bytes> recv_leased(io::lessee& by, deadline until = {}) noexcept;

  /// The same with that memory at hand: `own()`, a std::span<std::byte>, is asked for only when it is needed.
  template <std::invocable F>
  [[nodiscard]] result<io::leased_bytes> recv_leased(io::lessee& by, F own, deadline until = {}) {
    result<io::leased_bytes> got = recv_leased(by, until);
    if (got || got.error() != errc::limit) return got;
    const std::span<std::byte> memory = own();
    return io::leased_bytes::in_own_memory(memory.first(WEFT_TRY(recv(memory, 0, until))));
  }

  /// Bytes sent, perhaps fewer than there are.
  [[nodiscard]] result<std::size_t> send(std::span<const std::byte> bytes, int flags = 0,
                                         deadline until = {}) noexcept {
    return to_result<std::size_t>(send_outcome(bytes, flags, until));
  }

  /// What became of a send_zero_copy(), besides its result.
  struct zero_copy_account {
    bool copied = true;        // the kernel has copied them after all
    std::size_t given_up = 0;  // of a failure: what it had taken, and lost with the connection
  };

  /// As send() of all of them, from where they are if the kernel can: returns when it has let go of `bytes`.
  /// Ended by a deadline, a stop or close(), it gives up the connection if that is what keeps the kernel from
  /// letting go.
  ///
  /// Errors     EOPNOTSUPP, EINVAL: not this socket, or not this kernel. ENOBUFS, ENOMEM: too much at once.
  [[nodiscard]] result<std::size_t> send_zero_copy(std::span<const std::byte> bytes,
                                                   zero_copy_account& account, deadline until = {}) noexcept;

  /// As recv and send, for what is no socket. `offset` -1: at the file's own position.
  [[nodiscard]] result<std::size_t> read(std::span<std::byte> into, std::int64_t offset = -1,
                                         deadline until = {}) noexcept {
    return to_result<std::size_t>(read_outcome(into, offset, until));
  }
  [[nodiscard]] result<std::size_t> write(std::span<const std::byte> bytes, std::int64_t offset = -1,
                                          deadline until = {}) noexcept {
    return to_result<std::size_t>(write_outcome(bytes, offset, until));
  }

  // The same four for who goes on around them: an outcome takes no stack.
  [[nodiscard]] outcome recv_outcome(std::span<std::byte> into, int flags, deadline until) noexcept;
  [[nodiscard]] outcome send_outcome(std::span<const std::byte> bytes, int flags, deadline until) noexcept;
  [[nodiscard]] outcome read_outcome(std::span<std::byte> into, std::int64_t offset, deadline until) noexcept;
  [[nodiscard]] outcome write_outcome(std::span<const std::byte> bytes, std::int64_t offset,
                                      deadline until) noexcept;

  [[nodiscard]] result<std::size_t> readv(std::span<const iovec> into, deadline until = {}) noexcept;
  [[nodiscard]] result<std::size_t> writev(std::span<const iovec> bytes, deadline until = {}) noexcept;

  /// A new connection's descriptor, which is the caller's. `flags`: SOCK_CLOEXEC and SOCK_NONBLOCK.
  [[nodiscard]] result<int> accept(int flags, deadline until = {}) noexcept;

  [[nodiscard]] result<void> connect(const sockaddr* address, socklen_t size, deadline until = {}) noexcept;

  /// The events of `events` (POLL*) that are ready. Those that concern writing only wait their turn with the
  /// writers.
  [[nodiscard]] result<int> poll(short events, deadline until = {}) noexcept;

  /// What `call(fd)` gives, a system call that never waits: made at once, and again whenever the descriptor
  /// is ready, until it gives something other than -EAGAIN: its value or -errno. It must not suspend.
  /// `events`: POLLIN or POLLOUT, what to wait for and whose turn it is. For calls that have no operation of
  /// their own.
  template <class F>
  [[nodiscard]] result<std::size_t> when_ready(short events, F call, deadline until = {}) noexcept {
    const attempt_function f = [](void* context, int fd) noexcept -> outcome {
      return (*static_cast<F*>(context))(fd);
    };
    return to_result<std::size_t>(attempt_when_ready(events, f, &call, until));
  }

  /// One direction for longer than one operation, in the frame of who holds it.
  class hold;

  /// At once, whoever uses it. `how`: SHUT_*.
  ///
  /// Errors     closed, the kernel's.
  result<void> shutdown(int how) noexcept;

  /// Ends what others do with it, waits for that, and closes. Not cancellable. Several may call it: it is
  /// closed when any of the calls returns.
  ///
  /// Blocks     the calling fiber or thread, until the kernel has let go.
  void close() noexcept;

  /// The number, still owned by this; -1 once closed.
  int native_handle() const noexcept { return fd_.load(std::memory_order_relaxed); }

  /// Gives the number up without closing it. Only while nobody uses it.
  int release() noexcept;

 private:
  enum class direction : std::uint8_t { in, out };

  /// Who uses a direction, from taking it to leaving it; in the user's frame.
  struct user : closing_notice<user> {
    void end() noexcept {
      if (doing != nullptr) doing->ask(pending_operation::asked_by::close);
    }

    pending_operation* doing = nullptr;  // home only
  };

  /// Who waits for a direction.
  struct turn;

  atomic<std::uintptr_t>& word(direction way) noexcept { return words_[static_cast<std::size_t>(way)]; }
  wait_list& turns(direction way) noexcept { return turns_[static_cast<std::size_t>(way)]; }
  static user* user_in(std::uintptr_t word) noexcept { return reinterpret_cast<user*>(word & ~attention); }

  static constexpr std::uintptr_t attention = 1;

  outcome run(pending_operation& p, direction way, deadline until) noexcept;
  outcome perform_as(user& u, pending_operation& p, deadline until) noexcept;
  outcome enter(direction way, user& u, deadline until) noexcept;
  outcome enter_slow(direction way, user& u, deadline until) noexcept;
  using attempt_function = outcome (*)(void* context, int fd) noexcept;
  outcome attempt_when_ready(short events, attempt_function f, void* context, deadline until) noexcept;
  outcome attempt_as(user& u, short events, attempt_function f, void* context, deadline until) noexcept;
  outcome wait_to_attempt(user& u, short events, unsigned failures, deadline until) noexcept;
  outcome pause_as(user& u, deadline pause, deadline until) noexcept;
  outcome recv_as(user& u, std::span<std::byte> into, int flags, deadline until) noexcept;
  outcome recv_leased_as(user& u, io::lessee& by, io::leased_bytes& got, deadline until) noexcept;
  outcome wait_without_buffer(user& u, deadline until) noexcept;
  outcome recv_waiting(user& u, std::span<std::byte> into, int flags, deadline until) noexcept;
  void leave(direction way, user& u) noexcept;
  void leave_slow(direction way, user& u) noexcept;
  bool pass_on(direction way, woken_waiters& woken) noexcept;
  bool used() const noexcept;

  atomic<int> fd_;  // changes only while nobody uses it; atomic for native_handle()
  thread_mutex lock_;
  bool closing_;  // under lock_; set for good
  enum class last_recv : std::uint8_t { unknown, drained, filled };
  last_recv last_ = last_recv::unknown;  // the reader's: whether it left something behind
  atomic<std::uintptr_t> words_[2];
  wait_list turns_[2];  // under lock_
  closers closers_;     // under lock_
};

/// Others wait their turn meanwhile. close() tells, and then waits for the end of this.
class descriptor::hold {
 public:
  hold() = default;
  hold(const hold&) = delete;
  hold& operator=(const hold&) = delete;
  ~hold();

  /// Waits its turn. `events`: POLLIN or POLLOUT, which direction. Once; only then it may be held.
  ///
  /// Blocks     the calling fiber or foreign thread.
  /// Errors     closed, canceled, deadline_exceeded.
  [[nodiscard]] outcome take(descriptor& of, short events, deadline until) noexcept;

  /// What close() is to end, as long as it is under way; nullptr: nothing.
  void doing(pending_operation* p) noexcept { user_.doing = p; }

  /// Whether close() was called: then nothing new may begin.
  const atomic<bool>& told() const noexcept { return user_.told; }

 private:
  descriptor* of_ = nullptr;
  direction way_ = direction::in;
  user user_;
};

}  // namespace weft::detail
