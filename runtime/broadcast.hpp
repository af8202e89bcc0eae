// A channel whose every receiver gets every value that is sent after it has subscribed: a copy.
//
// The last `capacity` values are kept, and senders never wait. A receiver that is slower loses the oldest,
// and is told: its next recv() fails with `limit`, missed() says how many it has lost, and the recv() after
// that goes on with the oldest that is left.
//
//   broadcast<tick> ticks{64};
//   auto r = ticks.subscribe();
//   while (result<tick> t = r.recv()) use(*t);
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include <weft/runtime/feed_core.hpp>

namespace weft {

template <std::copy_constructible T>
class broadcast : public detail::feed_core {
 public:
  using value_type = T;
  class receiver;

  /// `capacity`: how far a receiver may lag behind; at least 1.
  explicit broadcast(std::size_t capacity) : feed_core{/*newest=*/0}, capacity_{capacity} {
    WEFT_ASSERT(capacity != 0u, "a broadcast that keeps nothing");
    kept_.resize(capacity);
  }

  /// Sends `v` to all receivers that there are now. Never waits for them.
  ///
  /// Errors     closed: nothing was sent.
  /// Safe from  any fiber or thread; memory written before is visible to who receives the value.
  [[nodiscard]] result<void> send(T v) {
    detail::woken_waiters woken;
    std::optional<T> mine{std::move(v)};  // and then what it replaces, which goes after the unlock
    const std::lock_guard hold{lock_};
    if (closed_) return std::unexpected(make_error_code(errc::closed));
    kept_[newest_ % capacity_].swap(mine);
    announce(woken);
    return {};
  }

  /// A receiver of what is sent from now on. It must not outlive the broadcast.
  receiver subscribe() {
    const std::lock_guard hold{lock_};
    return receiver{*this, newest_};
  }

  /// For receivers.
  std::optional<result<T>> take(std::uint64_t& seen, std::uint64_t& missed) {
    const std::lock_guard hold{lock_};
    if (newest_ - seen > capacity_) {
      missed += newest_ - seen - capacity_;
      seen = newest_ - capacity_;
      return std::unexpected(make_error_code(errc::limit));
    }
    if (newest_ != seen) {
      std::optional<result<T>> now{std::in_place, *kept_[seen % capacity_]};
      ++seen;
      return now;
    }
    if (closed_) return std::unexpected(make_error_code(errc::closed));
    return std::nullopt;
  }

 private:
  const std::size_t capacity_;
  std::vector<std::optional<T>> kept_;  // guarded by lock_; value n lies at n % capacity_
};

/// Gets each value once, in order. Copies go on from where it is.
template <std::copy_constructible T>
class broadcast<T>::receiver : public detail::follower<broadcast> {
 public:
  /// How many values it has lost since the last call.
  std::uint64_t missed() noexcept { return std::exchange(this->missed_, 0); }

 private:
  friend class broadcast;
  receiver(broadcast& of, std::uint64_t seen) noexcept : detail::follower<broadcast>{of, seen} {}
};

}  // namespace weft
