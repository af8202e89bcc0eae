// The poller over io_uring: submissions are gathered in the shared queue and go to the kernel with the turn's
// one enter, which also works off what has completed.
//
// A submission carries the address of its operation. That is safe because an operation ends only with its own
// last completion, and because the kernel takes submissions in order: a cancel that was meant for an
// operation is always taken before a later operation that lies at the same address.
#pragma once

#include <weft/io/buffer_ring.hpp>
#include <weft/io/operation_list.hpp>
#include <weft/io/ring.hpp>
#include <weft/io/sigpipe_block.hpp>
#include <weft/io/wake_event.hpp>
#include <weft/runtime/poller.hpp>

namespace weft::detail {

class uring_poller final : public poller {
 public:
  /// Errors     the errno of what could not be opened: EPERM, ENOSYS (refused), EINVAL (kernel before 6.1),
  ///            ENOMEM.
  static result<std::unique_ptr<poller>> open(const poller_options& options);

  explicit uring_poller(poller_counters* shared = nullptr) noexcept : poller{shared} {}
  ~uring_poller() override;

  void submit(operation& op) noexcept override;
  void cancel(operation& op) noexcept override;
  bool ready() const noexcept override;
  void turn(deadline until) noexcept override;
  void notify() noexcept override { wake_.wake(); }
  std::size_t in_flight() const noexcept override { return in_flight_; }
  const char* name() const noexcept override { return "io_uring"; }

  /// Submissions that fit before a system call: less than asked for if memory was short.
  unsigned depth() const noexcept { return ring_.depth(); }

 private:
  // operation::poller_state: where it is, and whether its end was asked for.
  static constexpr std::uint8_t idle = 0;
  static constexpr std::uint8_t in_kernel = 1;  // a submission carries it
  static constexpr std::uint8_t waiting =
      2;  // in waiting_: the queue was full and the kernel would not empty it
  static constexpr std::uint8_t cancel_waiting =
      3;                                    // in the kernel, and in waiting_ because its cancel found no room
  static constexpr std::uint8_t ended = 4;  // in ended_, with poller_result
  static constexpr std::uint8_t place = 7;
  static constexpr std::uint8_t cancelled = 8;    // cancel() was called
  static constexpr std::uint8_t sent = 16;        // a send_zero_copy whose bytes the kernel still looks at
  static constexpr std::uint8_t broken_off = 32;  // and whose connection was given up

  static std::uint8_t place_of(const operation& op) noexcept { return op.poller_state & place; }
  static void move_to(operation& op, std::uint8_t where) noexcept {
    op.poller_state = static_cast<std::uint8_t>((op.poller_state & ~place) | where);
  }

  io_uring_sqe* submission() noexcept;
  io_uring_sqe* submission_slow() noexcept;
  void provide_buffers(const poller_options& options);
  void fill(io_uring_sqe* sqe, operation& op) noexcept;
  static void fill_cancel(io_uring_sqe* sqe, operation& op) noexcept;
  void shut_down(operation& op) noexcept;
  void start_provided(operation& op) noexcept;
  void start(operation& op) noexcept;
  void end_later(operation& op, int outcome) noexcept;
  bool arm_wake_up() noexcept;
  void submit_waiting() noexcept;
  void enter() noexcept;
  void sleep(deadline until) noexcept;
  bool deliver() noexcept;
  bool deliver_ended() noexcept;
  bool deliver_completions() noexcept;
  void deliver_one(operation& op, int outcome, std::uint32_t flags) noexcept;
  void finish_provided(operation& op, int outcome, std::uint32_t flags) noexcept;
  bool deliver_zero_copy(operation& op, const io_uring_cqe& about) noexcept;
  bool has_let_go(const operation& op) noexcept;
  static void break_off(operation& op) noexcept;
  void finish(operation& op, int outcome) noexcept;
  void woken(bool armed) noexcept;

  sigpipe_block sigpipe_;
  wake_event wake_;
  ring ring_;
  buffer_ring buffer_ring_;
  operation_list waiting_;  // for room in the queue: operations, and cancels of operations
  operation_list ended_;    // done without the ring; delivered by the next turn
  std::size_t in_flight_ = 0;
  bool wake_up_armed_ = false;
  bool notified_ = false;  // a wake-up has come that no sleeping turn has answered yet
};

}  // namespace weft::detail
