// The poller over epoll: the next turn tries an operation; if its descriptor is not ready it waits, and is
// tried again when it is. What needs a thread (regular files) runs on the offload pool.
//
// Descriptor numbers are closed and reused behind our back, and the kernel forgets a closed one without a
// word. So nothing is remembered about a registration: each is EPOLLONESHOT, and every operation that comes
// to wait makes one again in the next turn (MOD, or ADD where the kernel knows of none). An operation that
// finds another file behind its number ends with EBADF.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <sys/epoll.h>

#include <weft/io/file_work.hpp>
#include <weft/io/operation_list.hpp>
#include <weft/io/sigpipe_block.hpp>
#include <weft/io/wake_event.hpp>
#include <weft/runtime/poller.hpp>

namespace weft::detail {

class epoll_poller final : public poller {
 public:
  /// Errors     the errno of what could not be opened: EMFILE, ENFILE, ENOMEM.
  static result<std::unique_ptr<poller>> open(const poller_options& options);

  explicit epoll_poller(offload_pool* pool, poller_counters* shared = nullptr) noexcept
      : poller{shared}, files_{pool, wake_} {}
  ~epoll_poller() override;

  void submit(operation& op) noexcept override;
  void cancel(operation& op) noexcept override;

  /// Cost       while anything waits and nothing has ended, a system call: epoll has no memory to look at.
  ///            What it finds is kept for the turn, which then need not ask again.
  bool ready() const noexcept override;

  void turn(deadline until) noexcept override;
  void notify() noexcept override { wake_.wake(); }
  std::size_t in_flight() const noexcept override { return in_flight_; }
  const char* name() const noexcept override { return "epoll"; }

 private:
  // operation::poller_state
  static constexpr std::uint8_t idle = 0;
  static constexpr std::uint8_t fresh = 1;            // in fresh_: not tried yet
  static constexpr std::uint8_t fresh_cancelled = 2;  // there, to be tried only once
  static constexpr std::uint8_t waiting = 3;          // in its descriptor's list, not yet known to the kernel
  static constexpr std::uint8_t registered = 4;       // there, and the kernel will say when it is ready
  static constexpr std::uint8_t on_thread = 5;        // with files_
  static constexpr std::uint8_t ended = 6;            // in ended_, with poller_result

  /// Who waits for one descriptor. Each list is served in order.
  struct waiters {
    operation_list readers;
    operation_list writers;
    operation_list polls;
    bool changed = false;   // in the chain of changed_: to be registered in the next turn
    int next_changed = -1;  // the next descriptor of that chain

    bool empty() const noexcept { return readers.empty() && writers.empty() && polls.empty(); }
  };

  static constexpr std::uint64_t wake_up = ~std::uint64_t{0};  // an event's data: the descriptor, or this
  static constexpr std::size_t waiters_per_chunk = 256;
  static constexpr int events_max = 256;        // per system call; a guess that fits into the cache
  static constexpr int accepts_per_event = 64;  // one busy listener must not hold up the turn

  int open_descriptors() noexcept;
  void start_fresh() noexcept;
  void start(operation& op) noexcept;
  int try_once(operation& op, bool seen_ready) noexcept;
  void start_at(operation& op, waiters& all, bool only_once) noexcept;
  waiters& waiters_of(int fd) noexcept;
  static operation_list& list_of(waiters& all, const operation& op) noexcept;
  void wait(operation& op, waiters& all) noexcept;
  void stop_waiting(operation& op, waiters& all) noexcept;
  void end_later(operation& op, int outcome) noexcept;
  void perform_on_thread(operation& op) noexcept;
  void mark_changed(int fd, waiters& all) noexcept;
  void register_changed() noexcept;
  void register_waiters(int fd, waiters& all) noexcept;
  int set_interest(int fd, std::uint32_t events, int how) noexcept;
  template <class F>
  void for_each_waiting(waiters& all, F f) noexcept;
  void end_waiting(operation& op, waiters& all, int error) noexcept;
  void wait_for_events(deadline until) noexcept;
  int ask_kernel(deadline until) const noexcept;
  void serve(int fd, std::uint32_t events) noexcept;
  void serve_list(operation_list& list, waiters& all) noexcept;
  void accept_connections(operation& op, waiters& all) noexcept;
  bool deliver() noexcept;

  sigpipe_block sigpipe_;
  wake_event wake_;
  file_work files_;
  int epoll_ = -1;
  mutable bool has_pwait2_ = true;
  bool notified_ = false;   // a wake-up has come that no sleeping turn has answered yet
  bool delivered_ = false;  // accept_many has completed in this turn
  std::size_t in_flight_ = 0;
  std::size_t waiting_ = 0;
  operation_list fresh_;  // submitted since the last turn
  operation_list ended_;  // delivered at the end of the turn
  int changed_ = -1;      // the first descriptor whose waiters the kernel must hear of
  std::vector<std::unique_ptr<waiters[]>> table_;  // by descriptor, in chunks that never move
  mutable int found_ = 0;                          // events that ready() has taken from the kernel
  mutable epoll_event events_[events_max];
};

}  // namespace weft::detail
