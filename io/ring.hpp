// One io_uring as weft wants it: made by, and only for, the calling thread.
//
// SINGLE_ISSUER | DEFER_TASKRUN: completions are worked off inside the owner's own enter, never by
// interrupting it. TASKRUN_FLAG: one load tells whether an enter would find any. SUBMIT_ALL: one bad
// submission does not stop the batch. CLAMP: too large a size is cut, not refused. Never NO_SQARRAY, NO_MMAP,
// CQE_MIXED or a resize: liburing 2.3 owns the mapping, and with NO_SQARRAY it loses submissions silently.
//
// Source: io_uring_setup(2), io_uring_registered_buffers(7), kernel 6.1 to 6.18.
#pragma once

#include <cstdint>

#include <liburing.h>

namespace weft::detail {

class ring {
 public:
  static constexpr unsigned setup_flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                          IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL |
                                          IORING_SETUP_CLAMP;

  /// Completions per submission: a multishot accept or a burst of wake-ups must not overflow the queue at
  /// once.
  static constexpr unsigned completions_per_submission = 8;

  /// io-wq threads for files (bounded by default to 4 per CPU) and for everything else (by default
  /// RLIMIT_NPROC): per worker.
  static constexpr unsigned file_threads_max = 4;
  static constexpr unsigned other_threads_max = 16;

  /// Where halving the queue on ENOMEM ends: a ring this small fits into a few pages of RLIMIT_MEMLOCK.
  static constexpr unsigned depth_min = 64;

  /// The user data of a submission of whose end nobody wants to hear.
  static constexpr std::uint64_t ignored = 1;

  ring() = default;
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;
  ~ring() { close(); }

  /// A ring with room for `depth` submissions, or half of it, and so on, while memory is short. 0, or -errno.
  int open(unsigned depth) noexcept;

  /// On the thread that opened it. The kernel lets go of what is still in flight.
  void close() noexcept;

  bool is_open() const noexcept { return open_; }
  io_uring* get() noexcept { return &ring_; }
  const io_uring* get() const noexcept { return &ring_; }
  unsigned depth() const noexcept { return ring_.sq.ring_entries; }

  // What open() found out by trial, for probe_io().
  bool descriptor_registered() const noexcept { return descriptor_registered_; }
  bool threads_bounded() const noexcept { return threads_bounded_; }

  /// Submissions that the kernel has not taken yet.
  unsigned submissions() const noexcept { return io_uring_sq_ready(&ring_); }
  bool has_submissions() const noexcept { return submissions() != 0; }
  bool has_completions() const noexcept { return io_uring_cq_ready(&ring_) != 0; }

  /// Whether the kernel holds back completions that only an enter delivers: deferred work, or an overflow.
  bool wants_enter() const noexcept {
    return (IO_URING_READ_ONCE(*ring_.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW)) != 0;
  }

 private:
  void keep_from_children() noexcept;

  io_uring ring_{};
  bool open_ = false;
  bool descriptor_registered_ = false;
  bool threads_bounded_ = false;
};

}  // namespace weft::detail
