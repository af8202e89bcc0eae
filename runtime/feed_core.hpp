// What watch and broadcast have in common: values are numbered as they come, and each receiver knows the
// number of the last one that it has seen, or has missed. Who has seen all waits for a newer one.
//
// lock_ guards everything, the values too, which are copied under it; copies may allocate, so it is a lock
// that sleeps. Waiting follows wait_list.hpp. A sender's last touch of the feed is the unlock: who has
// received its value may destroy the feed, if nobody else uses it.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/deadline.hpp>
#include <weft/runtime/base/errc.hpp>
#include <weft/runtime/base/result.hpp>
#include <weft/runtime/base/thread_mutex.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {

class feed_core {
 public:
  feed_core(const feed_core&) = delete;
  feed_core& operator=(const feed_core&) = delete;

  /// No more values will come. Receivers still get what is there, then `closed`. More than once does no
  /// harm.
  ///
  /// Safe from  any fiber or thread.
  void close() noexcept;

  /// For receivers: waits until there is something newer than `seen`, or the feed is closed.
  ///
  /// Errors     canceled, deadline_exceeded.
  [[nodiscard]] result<void> wait_newer(std::uint64_t seen, deadline until) noexcept;

  /// For select: puts `w` among those who wait for something newer than `seen`. False: it is there.
  bool enlist(list_waiter& w, std::uint64_t seen) noexcept;
  /// Takes an entry of a wait that has ended out again. True: there is something newer by now.
  bool leave(list_waiter& w, std::uint64_t seen) noexcept;

 protected:
  explicit feed_core(std::uint64_t newest) noexcept : newest_{newest} {}
  ~feed_core() {
    WEFT_ASSERT(waiters_.empty(), "a watch or broadcast was destroyed while somebody waits for it");
  }

  /// Under the lock: there is one more value; `woken` are told after the unlock.
  void announce(woken_waiters& woken) noexcept {
    ++newest_;
    waiters_.wake_all(woken);
  }

  mutable thread_mutex lock_;
  // All guarded by lock_.
  std::uint64_t newest_;  // the number of the newest value
  bool closed_ = false;

 private:
  bool has_newer(std::uint64_t seen) const noexcept { return newest_ != seen || closed_; }

  wait_list waiters_;
};

/// One who follows a feed: the receiving end of watch and broadcast. Feed has `take(seen, missed)`, which
/// gives nothing if there is nothing newer than `seen`, and else moves that on.
template <class Feed>
class follower {
 public:
  using value_type = typename Feed::value_type;
  using feed_type = Feed;

  /// Takes the next value; a copy.
  ///
  /// Blocks     the calling fiber or thread, until one comes, close() or `until`.
  /// Errors     closed: and all was seen; deadline_exceeded, canceled; what Feed says. Never fails with the
  ///            latter two if there is a value.
  /// Safe from  one fiber or thread at a time: each has a receiver of its own.
  [[nodiscard]] result<value_type> recv(deadline until = deadline::never()) {
    for (;;) {
      if (std::optional<result<value_type>> now = take()) return *std::move(now);
      if (const result<void> newer = of_->wait_newer(seen_, until); !newer)
        return std::unexpected(newer.error());
    }
  }

  /// recv() that does not wait.
  ///
  /// Errors     would_block, closed; what Feed says.
  [[nodiscard]] result<value_type> try_recv() {
    if (std::optional<result<value_type>> now = take()) return *std::move(now);
    return std::unexpected(make_error_code(errc::would_block));
  }

  /// For select.
  std::optional<result<value_type>> take() { return of_->take(seen_, missed_); }
  bool enlist(list_waiter& w) noexcept { return of_->enlist(w, seen_); }
  bool leave(list_waiter& w) noexcept { return of_->leave(w, seen_); }

 protected:
  follower(Feed& of, std::uint64_t seen) noexcept : of_{&of}, seen_{seen} {}
  ~follower() = default;
  follower(const follower&) = default;
  follower& operator=(const follower&) = default;

  std::uint64_t missed_ = 0;

 private:
  Feed* of_;
  std::uint64_t seen_;
};

}  // namespace weft::detail
