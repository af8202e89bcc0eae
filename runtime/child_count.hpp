// How many children of a nursery live, who waits for the last one, and who waits for room for one more.
//
// One word, so that a child costs one atomic operation each way as long as nobody waits for room. A place
// that becomes free is handed over to the oldest spawner that waits. As with wait_group, who has seen the
// count at zero may destroy it: the last leave() has let go by then.
#pragma once

#include <cstddef>
#include <cstdint>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/locked_word.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

class stop_group;

/// A wait for children: for the last one, for the next one, for room for one more.
struct children_wait : list_waiter {
  children_wait(const stop_group& of_, bool cancellable_) noexcept : list_waiter{cancellable_}, of{&of_} {}

  const stop_group* of;  // whose members the children are
};

class child_count {
 public:
  /// `of`: whose members the children are.
  explicit child_count(const stop_group& of) noexcept : of_{of} {}
  child_count(const child_count&) = delete;
  child_count& operator=(const child_count&) = delete;

  /// Whoever waits would be waiting for what is gone.
  ~child_count() { WEFT_ASSERT(waiters_.empty(), "a nursery was destroyed while somebody joins it"); }

  std::size_t live() const noexcept { return word_.peek() & ~crowded; }

  /// Counts one more child. If `most`, unless it is 0, live already, it waits for room until that comes
  /// (`woken`), or the waiter is stopped or late; then the child is counted all the same, above the limit.
  wake_reason enter(std::size_t most) noexcept {
    const std::uint32_t seen = word_.peek();
    if ((most == 0 || seen < most) && seen < count_max && word_.try_change(seen, seen + 1)) [[likely]]
      return wake_reason::woken;
    return enter_slow(most);
  }

  /// A child has ended. `most`: as for enter().
  void leave(std::size_t most) noexcept {
    const std::uint32_t seen = word_.peek();
    if (seen == 1 || (seen & crowded) != 0 || !word_.try_change(seen, seen - 1)) [[unlikely]]
      leave_slow(most);
  }

  /// Returns `woken` once no child lives.
  wake_reason wait(deadline until, bool cancellable) noexcept;

 private:
  static constexpr std::uint32_t crowded = 1u << 29;  // somebody waits for room
  static constexpr std::uint32_t count_max = crowded - 1;

  wake_reason enter_slow(std::size_t most) noexcept;
  void leave_slow(std::size_t most) noexcept;

  const stop_group& of_;
  locked_word word_;
  wait_list waiters_;   // for the last child; guarded by word_
  wait_list spawners_;  // for room; guarded by word_
};

}  // namespace weft::detail
