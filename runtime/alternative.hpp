// Waiting for the first of several things: what select() stands on.
//
// Each thing has an alternative, in the frame of who waits. All entries belong to one wait (wait.hpp), which
// is ended once, so at most one of the things happens. Protocol of await_one():
//
//   begin the wait
//   enlist() each           under the thing's own lock: links it where the wakers look, or says "ready"
//   one was ready?          claim the own wait: then nobody else has ended it, and the caller tries again
//   else park()
//   leave() each            under the thing's own lock, but for what has woken a fiber: that may be gone
//
// No two locks are held at a time, so things of any kind mix; who enlists in one after the other may be woken
// through the first before it has come to the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stop_token>

#include <poll.h>

#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/channel_core.hpp>
#include <weft/runtime/join.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {

class alternative {
 public:
  alternative() = default;
  alternative(const alternative&) = delete;
  alternative& operator=(const alternative&) = delete;

  /// Lets the thing end the wait `begun`. False: it is ready by now, and nothing was done.
  virtual bool enlist(const wait& begun) noexcept = 0;

  /// Undoes enlist(), after the end of the wait. True: the wait was ended by this thing.
  virtual bool leave() noexcept = 0;

  /// The primitive that it is about, by the address that list_waiter::at has; null if it is about none.
  virtual const void* primitive() const noexcept { return nullptr; }

  // Of a join: the fiber, once leave() has seen that it has ended. It does not say whether it has won.
  fiber* ended = nullptr;
  // A foreign thread has no poller: what it sleeps on, then, in poll(2); and whether that was ready.
  pollfd descriptor{-1, 0, 0};
  bool was_ready = false;

 protected:
  ~alternative() = default;
};

/// One wait at several things.
struct select_wait : wait {
  select_wait() noexcept : wait{/*cancellable=*/true} {}

  std::span<alternative* const> all;  // while it is parked
};

/// How many can be waited for at once.
inline constexpr std::size_t alternatives_max = 64;

struct first_come {
  enum class end : std::uint8_t {
    happened,  // what alternative `index` stands for
    look,      // nothing yet, but something is ready
    timed_out,
    canceled,
  };
  end how;
  std::size_t index = 0;
};

/// Waits for one of `all`; null ones do not count. `w`: the caller's wait, which this begins anew.
/// `joins`: some of them are joins.
///
/// Blocks     the calling fiber or foreign thread, until `until`, a stop, or the caller's deadline.
first_come await_one(std::span<alternative* const> all, select_wait& w, deadline until, bool joins) noexcept;

/// A value that goes into a channel, or comes out of one.
class channel_alternative final : public alternative {
 public:
  enum class direction : std::uint8_t { send, receive };

  channel_alternative(const wait& begun, channel_core& at, void* value, direction way) noexcept
      : at_{at}, entry_{begun, at, value}, way_{way} {}

  bool enlist(const wait& begun) noexcept override;
  bool leave() noexcept override;
  const void* primitive() const noexcept override { return entry_.at; }

  /// After leave() has said true: else the channel was closed.
  bool moved() const noexcept { return entry_.moved; }

 private:
  channel_core& at_;
  channel_waiter entry_;
  const direction way_;
};

/// A primitive that opens: it has enlist(list_waiter&) and leave(list_waiter&).
template <class Gate>
class gate_alternative final : public alternative {
 public:
  gate_alternative(const wait& begun, Gate& at) noexcept : at_{at}, entry_{begun, nullptr} {}

  bool enlist(const wait& begun) noexcept override {
    entry_.number = begun.number;
    return at_.enlist(entry_);
  }
  bool leave() noexcept override {
    if (!(entry_.who->is_fiber() && entry_.woke)) at_.leave(entry_);
    return entry_.woke;
  }
  const void* primitive() const noexcept override { return entry_.at; }

 private:
  Gate& at_;
  list_waiter entry_;
};

/// The end of a fiber.
class join_alternative final : public alternative {
 public:
  join_alternative(const wait& begun, fiber* joined) noexcept : entry_{begun, joined} {}

  bool enlist(const wait& begun) noexcept override;
  bool leave() noexcept override;

 private:
  join_wait entry_;
};

/// A stop token.
class stop_alternative final : public alternative {
 public:
  stop_alternative(const wait& begun, const std::stop_token& token) noexcept
      : entry_{begun, nullptr}, token_{token} {}

  bool enlist(const wait& begun) noexcept override;
  bool leave() noexcept override;

 private:
  struct on_stop {
    void operator()() const noexcept;
    stop_alternative* of;
  };

  wait entry_;
  const std::stop_token& token_;
  std::optional<std::stop_callback<on_stop>> callback_;
  bool won_ = false;
  bool called_ = false;
  atomic<bool> returned_{false};
};

/// 0 .. count - 1, any as likely as the others; cheap, and not for secrets. A linear congruential generator
/// of 64 bits, of which the upper half is good (Knuth's MMIX).
WEFT_ALWAYS_INLINE std::uint32_t random_below(std::uint32_t count) noexcept {
  this_thread.random = this_thread.random * 6364136223846793005u + 1442695040888963407u;
  return static_cast<std::uint32_t>(((this_thread.random >> 32) * count) >> 32);
}

}  // namespace weft::detail
