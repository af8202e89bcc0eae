// A value that changes, and receivers that want to know the newest: those that are slow skip what is between.
//
//   watch<settings> current{load()};
//   go([r = current.subscribe()] mutable { while (auto s = r.recv()) use(*s); });
//   current.set(load());
#pragma once

#include <concepts>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include <weft/runtime/feed_core.hpp>

namespace weft {

template <std::copy_constructible T>
class watch : public detail::feed_core {
 public:
  using value_type = T;
  class receiver;

  explicit watch(T initial) : feed_core{/*newest=*/1}, value_{std::move(initial)} {}

  /// Makes `v` the value. Never waits for receivers.
  ///
  /// Errors     closed: the value is what it was.
  /// Safe from  any fiber or thread; memory written before is visible to who sees the value.
  [[nodiscard]] result<void> set(T v) {
    detail::woken_waiters woken;
    const std::lock_guard hold{lock_};
    if (closed_) return std::unexpected(make_error_code(errc::closed));
    std::swap(value_, v);  // what was there goes after the unlock
    announce(woken);
    return {};
  }

  /// A copy of the value; also after close(). Safe from  any fiber or thread.
  T get() const {
    const std::lock_guard hold{lock_};
    return value_;
  }

  /// A receiver that has seen nothing yet: its first recv() gives the value as it is. It must not outlive
  /// the watch.
  receiver subscribe() { return receiver{*this}; }

  /// For receivers.
  std::optional<result<T>> take(std::uint64_t& seen, std::uint64_t&) {
    const std::lock_guard hold{lock_};
    if (seen != newest_) {
      std::optional<result<T>> now{std::in_place, value_};
      seen = newest_;
      return now;
    }
    if (closed_) return std::unexpected(make_error_code(errc::closed));
    return std::nullopt;
  }

 private:
  T value_;  // guarded by lock_
};

/// Gets each value once, but for those that were replaced before it came. Copies have seen what it has seen.
template <std::copy_constructible T>
class watch<T>::receiver : public detail::follower<watch> {
  friend class watch;
  explicit receiver(watch& of) noexcept : detail::follower<watch>{of, /*seen=*/0} {}
};

}  // namespace weft
