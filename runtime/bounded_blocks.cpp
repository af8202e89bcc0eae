#include <weft/runtime/bounded_blocks.hpp>

#include <mutex>
#include <system_error>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {

/// Whoever wakes it has filled `out`.
struct bounded_blocks::waiter : list_waiter {
  waiter(void** out_, std::size_t wanted_) noexcept
      : list_waiter{/*cancellable=*/true}, out{out_}, wanted{wanted_} {}

  void** const out;
  const std::size_t wanted;
};

bounded_blocks::bounded_blocks(std::size_t block_bytes, const pool_options& options) noexcept
    : listed_pool{options.name},
      store_{{.block_bytes = block_bytes,
              .floor = options.floor,
              .limit = options.limit,
              .checked = options.checked}},
      exhausted_{options.exhausted} {
  WEFT_ASSERT(options.limit != 0u, "a pool of nothing");
  enlist();
}

bounded_blocks::~bounded_blocks() {
  delist();
  WEFT_ASSERT(waiters_.empty(), "a pool was destroyed while somebody waits for it");
}

result<void*> bounded_blocks::take_slow(deadline until) {
  void* block;
  const result<void> taken = take_many(&block, 1, until);
  if (!taken) return std::unexpected(taken.error());
  return block;
}

void* bounded_blocks::try_take_slow() noexcept {
  void* block;
  const std::lock_guard hold{store_.lock()};
  if (waiters_.empty() && store_.take_locked(&block, 1)) return block;
  store_.count_refused_locked();
  return nullptr;
}

result<void> bounded_blocks::take_many(void** out, std::size_t count, deadline until) {
  WEFT_ASSERT(count <= store_.limit(), "more at once than the pool ever has");
  std::unique_lock hold{store_.lock()};
  if (waiters_.empty()) {
    if (store_.take_locked(out, count)) return {};
    if (store_.room_locked() >= count) return std::unexpected(make_error_code(std::errc::not_enough_memory));
  }
  if (exhausted_ == exhaustion::refuse) {
    store_.count_refused_locked();
    return std::unexpected(errc::limit);
  }
  waiter w{out, count};
  waiters_.add(w);
  hold.unlock();

  const wake_reason how = park(w, until, park_reason::pool);
  if (wait_list::must_leave(w, how)) {
    woken_waiters woken;  // resumed after the lock is released
    hold.lock();
    wait_list::remove(w);
    if (how != wake_reason::woken) {
      store_.count_refused_locked();
      serve(woken);  // the next may want less
    }
    hold.unlock();
  }
  return result_of(how);
}

void bounded_blocks::give_slow(void* block) noexcept {
  woken_waiters woken;
  const std::lock_guard hold{store_.lock()};
  if (store_.give_locked(block)) serve(woken);
}

/// Gives the waiters what there is, as far as it is enough for the oldest. Under the lock, of a closed store.
void bounded_blocks::serve(woken_waiters& woken) noexcept {
  while (auto* const next = static_cast<waiter*>(waiters_.front())) {
    if (!store_.take_locked(next->out, next->wanted)) return;
    if (waiters_.wake_front(woken)) continue;
    store_.untake_locked(next->out, next->wanted);  // it has given up
  }
  store_.open_if_plenty_locked();
}

}  // namespace weft::detail
