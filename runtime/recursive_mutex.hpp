// A mutex that its holder may take again; it is free when it has been released as often.
//
// The count needs no atomic: only the holder touches it, and only the caller itself can make the holder be
// the caller, so the comparison is not a race.
#pragma once

#include <cstdint>
#include <system_error>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/park.hpp>

namespace weft {

class recursive_mutex {
 public:
  /// How often one may take it without releasing it.
  static constexpr std::uint32_t depth_max = 65'535;

  recursive_mutex() = default;
  recursive_mutex(const recursive_mutex&) = delete;
  recursive_mutex& operator=(const recursive_mutex&) = delete;

  /// Takes it, once more if the caller holds it.
  ///
  /// Blocks     the calling fiber or thread, while another holds it. No cancellation point.
  /// Errors     throws std::system_error (resource_unavailable_try_again) beyond depth_max, as std's does.
  /// Safe from  any fiber or thread.
  /// Cost       one compare-exchange if it is free, none if the caller holds it.
  void lock() {
    if (!again()) mutex_.lock();
    else if (depth_ > depth_max) [[unlikely]] refuse();
  }

  /// Takes it, or gives up.
  ///
  /// Errors     deadline_exceeded, canceled, limit (beyond depth_max): it is not taken once more.
  [[nodiscard]] result<void> lock(deadline until) noexcept {
    if (!again()) return mutex_.lock(until);
    if (depth_ <= depth_max) [[likely]]
      return {};
    --depth_;
    return std::unexpected(errc::limit);
  }

  [[nodiscard]] bool try_lock() noexcept {
    if (!again()) return mutex_.try_lock();
    if (depth_ <= depth_max) [[likely]]
      return true;
    --depth_;
    return false;
  }

  /// Takes back one lock(). By who does not hold it: an assertion.
  void unlock() noexcept {
    WEFT_ASSERT(held_by_caller(), "a recursive_mutex is released by who does not hold it");
    if (depth_ == 1) mutex_.unlock();
    else --depth_;
  }

  /// Who holds it, or null. It may be another by now.
  detail::parker* owner() const noexcept { return mutex_.owner(); }

 private:
  // The caller's own parker first: a thread may get that of one which held the mutex until just now.
  bool held_by_caller() const noexcept {
    const detail::parker* const self = &detail::current_parker();
    return mutex_.owner() == self;
  }

  // Counts once more, if the caller holds it.
  bool again() noexcept {
    if (!held_by_caller()) return false;
    ++depth_;
    return true;
  }

  [[noreturn]] WEFT_NOINLINE void refuse() {
    --depth_;
    throw std::system_error{std::make_error_code(std::errc::resource_unavailable_try_again)};
  }

  mutex mutex_;
  std::uint32_t depth_ = 1;  // how often the holder has taken it; 1 while nobody holds it
};

}  // namespace weft
