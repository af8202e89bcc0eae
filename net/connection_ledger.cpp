#include <weft/net/connection_ledger.hpp>

#include <algorithm>
#include <mutex>

#include <weft/runtime/base/assert.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/park.hpp>

namespace weft::detail {

/// Whoever wakes it has filled `got`; if not, all is closed.
struct connection_ledger::waiter : list_waiter {
  waiter(std::uint64_t arrival_, entries& gone_) noexcept
      : list_waiter{/*cancellable=*/true}, arrival{arrival_}, gone{gone_} {}

  const std::uint64_t arrival;
  entries& gone;  // in whose place its connection is, it closes itself
  place got;
};

connection_ledger::connection_ledger(const net::connection_pool_options& options) noexcept
    : limit_{options.limit},
      endpoint_limit_{options.endpoint_limit},
      exhausted_{options.exhausted},
      idle_max_{options.idle_max.count()},
      lifetime_max_{options.lifetime_max.count()},
      now_{options.now} {
  WEFT_ASSERT(limit_ != 0u && endpoint_limit_ != 0u, "a pool of nothing");
}

connection_ledger::~connection_ledger() {
  WEFT_ASSERT(in_use_ == 0u, "connections of a pool were not given back before its end");
  WEFT_ASSERT(endpoints_.empty(), "a pool was destroyed while somebody waits for it, or before close()");
}

std::int64_t connection_ledger::now() const noexcept {
  return now_ == nullptr ? steady_ns() : now_().time_since_epoch().count();
}

// --- taking

result<connection_ledger::place> connection_ledger::take(std::string_view name, deadline until,
                                                         entries& gone) {
  std::unique_lock hold{lock_};
  if (closed_) return std::unexpected(errc::closed);
  expire_idle(gone);
  endpoint& e = find_or_make(name);
  if (can_serve(e)) return serve_one(e, gone);
  if (exhausted_ == exhaustion::refuse) {
    ++refused_;
    forget_if_unused(e);
    return std::unexpected(errc::limit);
  }
  waiter w{arrivals_++, gone};
  e.waiters.add(w);
  ++e.here;
  if (!e.linked()) waited_for_.push_back(e);
  hold.unlock();

  const wake_reason how = park(w, until, park_reason::pool);
  if (wait_list::must_leave(w, how)) {
    hold.lock();
    wait_list::remove(w);
    if (how != wake_reason::woken) {
      ++refused_;
      --e.here;
      if (e.waiters.empty() && e.linked()) e.unlink();
      forget_if_unused(e);
    }
    hold.unlock();
  }
  if (how != wake_reason::woken) return std::unexpected(result_of(how).error());
  if (w.got.of == nullptr) return std::unexpected(errc::closed);  // this object may be gone by now
  return w.got;
}

connection_ledger::endpoint& connection_ledger::find_or_make(std::string_view name) {
  const auto at = endpoints_.find(name);
  if (at != endpoints_.end()) return at->second;
  const auto made = endpoints_.try_emplace(std::string{name}).first;
  made->second.name = &made->first;
  return made->second;
}

bool connection_ledger::can_serve(endpoint& e) noexcept {
  if (!e.idle.empty()) return true;
  return e.places < endpoint_limit_ && (places_ < limit_ || !idle_.empty());
}

/// For an endpoint that can be served.
connection_ledger::place connection_ledger::serve_one(endpoint& e, entries& gone) noexcept {
  entry* const idle = newest_idle(e, gone);
  if (idle != nullptr) {
    ++hits_;
  } else {
    if (places_ == limit_) {
      entry& oldest = *idle_.front();
      take_out(oldest);
      gone.push_back(oldest);
      free_place(*oldest.of);
    }
    ++e.places;
    ++places_;
    ++misses_;
  }
  high_water_ = std::max(high_water_, ++in_use_);
  return {&e, idle};
}

/// The newest idle one that is not too old to be used again. The places of those that are become free.
connection_ledger::entry* connection_ledger::newest_idle(endpoint& e, entries& gone) noexcept {
  const std::int64_t at = e.idle.empty() ? 0 : now();
  while (entry* const newest = e.idle.front()) {
    take_out(*newest);
    if (at - newest->made_at < lifetime_max_) return newest;
    gone.push_back(*newest);
    --places_;
    --e.places;  // and stays, though it may have no more: its caller has come for one
  }
  return nullptr;
}

connection_ledger::entry* connection_ledger::replace(endpoint& of, entries& gone) noexcept {
  woken_waiters woken;
  const std::lock_guard hold{lock_};
  entry* const other = newest_idle(of, gone);
  if (other != nullptr) {
    free_place(of);  // of the dead one
    serve(woken);
  } else {
    --hits_;
    ++misses_;
  }
  return other;
}

// --- giving back

void connection_ledger::enter(entry& made, endpoint& of) const noexcept {
  made.of = &of;
  made.made_at = now();
}

bool connection_ledger::give(entry& e) noexcept {
  woken_waiters woken;
  const std::lock_guard hold{lock_};
  const std::int64_t at = now();
  if (closed_ || idle_max_ <= 0 || at - e.made_at >= lifetime_max_) return false;
  e.idle_since = at;
  e.of->idle.push_front(e);
  idle_.push_back(e);
  --in_use_;
  serve(woken);
  return true;
}

void connection_ledger::leave(endpoint& of) noexcept {
  woken_waiters woken;
  const std::lock_guard hold{lock_};
  --in_use_;
  free_place(of);
  serve(woken);
}

void connection_ledger::take_out(entry& idle) noexcept {
  idle.unlink();
  idle.by_age.unlink();
}

void connection_ledger::free_place(endpoint& of) noexcept {
  --places_;
  --of.places;
  forget_if_unused(of);
}

void connection_ledger::forget_if_unused(endpoint& of) noexcept {
  if (of.places == 0 && of.here == 0) endpoints_.erase(endpoints_.find(*of.name));
}

// --- those who wait

/// Serves who came first of those who can be served, as long as there is one.
void connection_ledger::serve(woken_waiters& woken) noexcept {
  while (endpoint* const e = next_to_serve()) {
    auto& next = static_cast<waiter&>(*e->waiters.front());
    const bool waited = e->waiters.wake_front(woken);
    if (e->waiters.empty()) e->unlink();
    if (!waited) continue;  // it has given up, and comes for the lock
    next.got = serve_one(*e, next.gone);
    --e->here;
  }
}

connection_ledger::endpoint* connection_ledger::next_to_serve() noexcept {
  endpoint* first = nullptr;
  const auto arrival = [](endpoint& e) { return static_cast<waiter*>(e.waiters.front())->arrival; };
  for (endpoint& e : waited_for_)
    if (can_serve(e) && (first == nullptr || arrival(e) < arrival(*first))) first = &e;
  return first;
}

// --- time, and the end

/// Nobody waits for what becomes free here: who could have had it had been served.
void connection_ledger::expire_idle(entries& gone) noexcept {
  if (idle_.empty()) return;
  const std::int64_t at = now();
  while (entry* const oldest = idle_.front()) {
    if (at - oldest->idle_since < idle_max_) return;
    take_out(*oldest);
    gone.push_back(*oldest);
    free_place(*oldest->of);
  }
}

void connection_ledger::expire(entries& gone) noexcept {
  const std::lock_guard hold{lock_};
  expire_idle(gone);
  const std::int64_t at = now();
  for (auto next = idle_.begin(); next != idle_.end();) {
    entry& e = *next++;
    if (at - e.made_at < lifetime_max_) continue;
    take_out(e);
    gone.push_back(e);
    free_place(*e.of);
  }
}

void connection_ledger::close(entries& gone) noexcept {
  woken_waiters woken;
  const std::lock_guard hold{lock_};
  closed_ = true;
  while (entry* const oldest = idle_.front()) {
    take_out(*oldest);
    gone.push_back(*oldest);
    free_place(*oldest->of);
  }
  while (endpoint* const e = waited_for_.pop_front()) {
    while (!e->waiters.empty()) {
      if (!e->waiters.wake_front(woken)) continue;
      --e->here;
      ++refused_;
    }
    forget_if_unused(*e);
  }
}

bool connection_ledger::waited_for() noexcept {
  const std::lock_guard hold{lock_};
  return !waited_for_.empty();
}

pool_stats connection_ledger::stats() noexcept {
  const std::lock_guard hold{lock_};
  return {.in_use = in_use_,
          .idle = places_ - in_use_,
          .capacity = places_,
          .limit = limit_,
          .high_water = high_water_,
          .hits = hits_,
          .misses = misses_,
          .refused = refused_};
}

}  // namespace weft::detail
