// What a worker asks of the kernel: start and cancel operations, deliver what has completed, sleep, be woken.
//
// One poller per worker, made and used on the worker's thread only, but for notify(). `runtime` owns the
// interface and `io` defines make_poller(): the one edge of the module graph that points right, at link time.
#pragma once

#include <cstdint>
#include <memory>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/idle_pipes.hpp>
#include <weft/runtime/metrics/counter.hpp>
#include <weft/runtime/operation.hpp>
#include <weft/runtime/trace/events.hpp>

namespace weft::detail {

class offload_pool;
class provided_buffers;

enum class backend : std::uint8_t { automatic, uring, epoll };

/// A turn brings at most so many at once: what the completion queue holds.
inline constexpr std::size_t completion_places = 13;

/// Counts since start, of the owning thread; any may read them.
struct poller_counters {
  counter submitted;  // operations started
  counter completed;  // complete() calls
  counter cancelled;  // cancel() calls
  counter enters;     // system calls that submit or wait (io_uring_enter, epoll_wait)
  counter entries;    // of io_uring's submission queue, that the kernel took
  counter sleeps;     // turns that waited
  counter events;     // completions (epoll: events) that the kernel brought,
  size_counts<completion_places> events_at_once;  // and how many in one turn
};

struct poller_options {
  weft::detail::backend backend = backend::automatic;
  unsigned queue_depth = 512;  // submissions that fit before a system call; completions are eight times that
  offload_pool* offload =
      nullptr;  // runs what the backend cannot do without blocking (regular files under epoll)
  unsigned receive_buffers = 256;  // for recv_provided: a power of two, or none (provided_buffers.hpp)
  bool buffer_ring = true;         // io_uring: the kernel chooses among them, where a trial shows that it can
  poller_counters* counters = nullptr;  // where to count; outlives the poller
};

class poller {
 public:
  /// Counts in `shared`, which outlives it; null: in counters of its own.
  explicit poller(poller_counters* shared = nullptr) noexcept
      : counters_{shared != nullptr ? *shared : own_counters_} {}
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;
  virtual ~poller() = default;  // asserts that no operation is in flight

  /// Starts `op`. Never fails: what goes wrong arrives at op.complete, later, from turn().
  virtual void submit(operation& op) noexcept = 0;

  /// Asks that `op`, which is in flight, end soon. It still completes, with -ECANCELED unless its result was
  /// faster. More than once does no harm.
  virtual void cancel(operation& op) noexcept = 0;

  /// Whether turn() would find something to submit or to deliver. Cost: a few loads; under epoll, while
  /// anything waits, a system call, whose findings the turn then uses.
  virtual bool ready() const noexcept = 0;

  /// Submits what waits to be submitted and calls complete() for what has ended, in one system call at most
  /// when `until` is past. Otherwise, if nothing has ended, sleeps until something does, until notify(), or
  /// until `until`.
  virtual void turn(deadline until) noexcept = 0;

  /// Ends a sleep in turn() of the owning thread, or makes its next one return at once. Safe from any thread.
  /// Cost: a system call, so the inbox calls it only for a worker that sleeps.
  virtual void notify() noexcept = 0;

  /// Operations between submit() and their last complete().
  virtual std::size_t in_flight() const noexcept = 0;

  /// What recv_provided receives into. Null: there are none, and it ends with -ENOBUFS.
  provided_buffers* buffers() const noexcept { return buffers_; }

  /// "io_uring", "epoll".
  virtual const char* name() const noexcept = 0;

  const poller_counters& counters() const noexcept { return counters_; }

  /// Whether operations are traced from now on: at first they are not.
  void trace(bool on) noexcept { traced_ = on; }

  /// What the owner's fibers move pages through.
  idle_pipes& pipes() noexcept { return pipes_; }

 protected:
  /// Counts an operation that begins, in submit(). As the last thing there it costs no register while nothing
  /// is traced.
  void has_begun(const operation& op) noexcept {
    ++counters_.submitted;
    if (traced_) [[unlikely]]
      return trace::detail::submitted(op);
  }

  /// Tells its issuer how `op` went, and counts that.
  void complete(operation& op, int outcome, bool more) noexcept {
    ++counters_.completed;
    if (traced_) [[unlikely]]
      return trace::detail::completed(op, outcome, more);
    op.complete(op, outcome, more);
  }

  poller_counters& counters_;
  bool traced_ = false;
  provided_buffers* buffers_ = nullptr;

 private:
  poller_counters own_counters_;
  idle_pipes pipes_;
};

/// A poller for the calling thread. WEFT_BACKEND=uring|epoll overrides options.backend; automatic means
/// io_uring where a trial shows that it works, else epoll (and epoll under valgrind). Errors: unsupported, or
/// the errno of what could not be opened.
[[nodiscard]] result<std::unique_ptr<poller>> make_poller(const poller_options& options);

}  // namespace weft::detail
