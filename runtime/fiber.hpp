// The control block of a fiber: 256 bytes, apart from its stack, so that a million parked ones are dense in
// memory.
//
// Life:   free -> unstarted -> started -> ended -> free
//
//  - unstarted: has a body, no stack and no worker; may move between workers.
//  - started:   has a stack and a home worker, for good. Only that worker runs it and puts it into a run
//    queue.
//  - ended:     stack returned; the block keeps the outcome until its task has taken it.
//
// A block is type-stable: its memory holds a control block, used or free, for as long as the process lives.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <source_location>
#include <stop_token>

#include <weft/runtime/base/atomic.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/context/context.hpp>
#include <weft/runtime/message.hpp>
#include <weft/runtime/parker.hpp>
#include <weft/runtime/spawn_options.hpp>

namespace weft::detail {

class local_table;
class scheduler;
class worker;
class stop_scope;
struct fiber;
struct wait;

/// Why a fiber is parked; for whoever looks at it.
enum class park_reason : std::uint8_t {
  none,
  sleep,
  join,
  room,
  io,
  offload,
  signal,
  event,
  wait_group,
  turn,
  semaphore,
  latch,
  barrier,
  rate_limit,
  stop,
  channel_send,
  channel_recv,
  mutex,
  shared_mutex,
  condition_variable,
  once,
  nursery,
  select,
  future,
  retry,
  pool,
  join_set
};

enum class fiber_state : std::uint8_t { free, unstarted, started, ended };

/// How to treat a result that lies in the block, once the body has run.
struct outcome_operations {
  void (*drop)(fiber&) noexcept;                    // destroys the result, or the exception
  std::error_code (*error)(const fiber&) noexcept;  // the error that the result holds, or none
};

struct alignas(cache_line) fiber : message, parker {
  // `control`: who waits for the end (a parker*, in the low 48 bits, which is where the kernel puts what did
  // not ask for more), and what has happened. One word, so that stopping, joining and ending have one order
  // that all of them see, and so that one load tells a fiber that parks whether anything hurries it.
  static constexpr unsigned reason_shift = 48;  // why it was asked to stop: a stop_reason, with the request
  static constexpr std::uint64_t reason_mask = 7ull << reason_shift;
  static constexpr std::uint64_t stop_requested = 1ull << 56;
  static constexpr std::uint64_t attention = 1ull << 57;  // a deadline or a scope is to be looked at: heed()
  static constexpr std::uint64_t posted = 1ull << 58;     // `cancellation` is on its way to `home`
  static constexpr std::uint64_t delivered = 1ull << 59;  // and has arrived
  static constexpr std::uint64_t ended = 1ull << 60;
  static constexpr std::uint64_t detached = 1ull << 61;  // nobody will join
  static constexpr std::uint64_t released = 1ull
                                            << 62;  // the block is free as soon as `cancellation` has arrived
  static constexpr std::uint64_t joiner_mask = (1ull << reason_shift) - 1;
  static constexpr std::uint64_t joiner_sole =
      1;  // nobody else can end the joiner's wait; a bit of its address

  fiber() = delete;  // blocks are made of zeroes (free), and reset() makes a fiber of one

  /// Makes an unstarted fiber of a free block: of one full of zeroes, or as the end of another fiber leaves
  /// it, who takes care that what is not mentioned here is zero. What others may look at through a stale
  /// pointer is stored atomically.
  WEFT_ALWAYS_INLINE void reset(scheduler& of, const spawn_options& o,
                                std::source_location spawned_at) noexcept {
    where.sp = nullptr;
    home.store(nullptr, std::memory_order_relaxed);
    reset_for_fiber();
    level = static_cast<std::uint8_t>(o.priority);
    stack_size = o.stack;
    pinned = o.worker.has_value();
    named = false;
    immediate_completions = 0;
    shields = 0;
    has_locals = false;
    bequeaths = false;
    why.set(park_reason::none);
    joiner_left.store(false, std::memory_order_relaxed);
    region.set(0);
    control.store(0, std::memory_order_relaxed);
    stop_source.store(nullptr, std::memory_order_relaxed);
    owner.store(&of, std::memory_order_relaxed);
    site = spawned_at;
    if (!o.name.empty()) [[unlikely]]
      set_name(o.name);
    state.store(fiber_state::unstarted, std::memory_order_relaxed);
  }

  /// Copies what fits.
  void set_name(std::string_view text) noexcept {
    const std::size_t n = text.copy(name, name_size - 1);
    name[n] = '\0';
    named = true;
  }

  std::string_view title() const noexcept { return named ? std::string_view{name} : std::string_view{}; }

  /// Whether it was asked to stop, itself or a scope that it is in, and no shield hides that. The fiber
  /// itself, or its home worker while it waits.
  bool wants_stop() const noexcept {
    if ((control.load(std::memory_order_relaxed) & stop_requested) != 0 && shields == 0) return true;
    return scopes != nullptr && in_stopped_scope();
  }

  /// Whether a wait that is cancellable has to look at more than what it waits for. The fiber itself.
  WEFT_ALWAYS_INLINE bool hurried() const noexcept {
    return (control.load(std::memory_order_relaxed) & (stop_requested | attention)) != 0;
  }

  void call_attention() noexcept { control.fetch_or(attention, std::memory_order_relaxed); }

  /// Gives it a deadline before it runs.
  WEFT_ALWAYS_INLINE void begin_with(deadline at) noexcept {
    until = at;
    if (!at.is_never()) [[unlikely]]
      control.store(control.load(std::memory_order_relaxed) | attention, std::memory_order_relaxed);
  }

  /// The fiber whose `cancellation` this is.
  static fiber& canceled_by(message& m) noexcept;

  // What a switch touches. `message::next` links it in a run queue or an inbox: it is never in both.
  context where;            // how to go on with it; no `sp` before it has started
  std::uint64_t order = 0;  // when it became ready: keeps started and unstarted ones in order
  std::uint8_t level = 0;   // its priority
  stack_class stack_size = stack_class::kib64;
  bool pinned = false;  // never stolen
  bool named = false;
  std::uint8_t immediate_completions = 0;  // I/O that needed no park since it last did
  std::uint8_t shields = 0;                // nested cancellation shields
  bool has_locals = false;                 // `locals` means something
  bool bequeaths = false;                  // and some of it is for the fibers that it spawns

  // What parking and waking touch besides.
  atomic<worker*> home{nullptr};    // set before the state is `started`
  exposed<wait*> waiting{nullptr};  // the wait it is parked in; only its home worker may follow it

  // Joining and stopping.
  atomic<std::uint64_t> control{0};
  std::uint32_t join_number = 0;  // the joiner's wait; written before the joiner is
  atomic<fiber_state> state{fiber_state::free};
  exposed<park_reason> why{park_reason::none};
  atomic<bool> joiner_left{false};  // the ending fiber has let go of a joiner that had given up
  exposed<std::uint8_t> region;     // whether it may be switched out anywhere: preempt/region_mark.hpp
  message cancellation;             // brings a stop to `home`
  atomic<std::stop_source*> stop_source{nullptr};  // made on the first get_stop_token()
  deadline until;  // ends every cancellable wait; the fiber's own, and its spawner's before it runs

  // What it runs, and what came of it.
  union {
    void (*body)(fiber&) noexcept = nullptr;  // before it runs
    stop_scope* scopes;                       // while it runs: the innermost that no shield hides
    const outcome_operations* outcome;        // after
  };
  std::byte* stack = nullptr;         // lowest usable address
  atomic<scheduler*> owner{nullptr};  // null: it has outlived its runtime
  fiber_id id{};
  std::source_location site;  // where it was spawned
  local_table* locals;        // its values of fiber_local; meaningless unless `has_locals`

  // The callable, and after it has run the result or the exception: in place if they fit, else a pointer.
  // Behind the first third the block has its last cache line, which a callable of two words without a name
  // never touches.
  static constexpr std::size_t storage_size = 48;
  alignas(16) std::byte storage[storage_size];

  static constexpr std::size_t name_size = 32;
  char name[name_size];  // terminated; meaningless unless `named`

 private:
  bool in_stopped_scope() const noexcept;
};

inline fiber* parker::fiber_of(const worker& home) noexcept {
  if (!is_fiber_) return nullptr;
  fiber& f = static_cast<fiber&>(*this);
  return f.home.load(std::memory_order_relaxed) == &home ? &f : nullptr;
}

// A pointer to a data member is its offset (Itanium C++ ABI, all we build on).
inline fiber& fiber::canceled_by(message& m) noexcept {
  constexpr auto member = &fiber::cancellation;
  static_assert(sizeof(member) == sizeof(std::ptrdiff_t));
  return *reinterpret_cast<fiber*>(reinterpret_cast<std::byte*>(&m) - std::bit_cast<std::ptrdiff_t>(member));
}

static_assert(stack_annotation::in_force || sizeof(fiber) == 256, "a million of them count");

}  // namespace weft::detail
