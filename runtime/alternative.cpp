#include <weft/runtime/alternative.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <mutex>

#include <unistd.h>

#include <weft/runtime/census.hpp>

namespace weft::detail {
namespace {

// How late a foreign thread hears of a wake-up if it could not get a bell. A guess.
constexpr std::chrono::nanoseconds slice = std::chrono::milliseconds{1};

bool any_descriptor(std::span<alternative* const> all) noexcept {
  return std::ranges::any_of(all, [](const alternative* a) { return a != nullptr && a->descriptor.fd >= 0; });
}

int sleep_on(std::span<pollfd> asked, std::chrono::nanoseconds at_most) noexcept {
  const timespec left{at_most.count() / 1'000'000'000, at_most.count() % 1'000'000'000};
  return ::ppoll(asked.data(), asked.size(), at_most == std::chrono::nanoseconds::max() ? nullptr : &left,
                 nullptr);
}

// park() of a foreign thread that waits for descriptors too: wakers ring its bell.
wake_reason park_in_poll(std::span<alternative* const> all, wait& w, deadline until, int bell) noexcept {
  census::foreign_wait_begins(w, park_reason::select);
  until = std::min(until, this_thread.until());
  pollfd asked[alternatives_max + 1];
  std::size_t count = 0;
  alternative* of[alternatives_max + 1];
  for (alternative* const a : all)
    if (a != nullptr && a->descriptor.fd >= 0) {
      of[count] = a;
      asked[count++] = a->descriptor;
    }
  asked[count] = {bell, POLLIN, 0};
  while (w.who->outcome() == wake_reason::pending) {
    const auto left = until.remaining();
    const int ready = sleep_on({asked, count + 1}, bell < 0 ? std::min(left, slice) : left);
    if (asked[count].revents != 0) {
      std::uint64_t rung;
      (void)!::read(bell, &rung, sizeof rung);
    }
    const std::size_t first = random_below(static_cast<std::uint32_t>(count));
    for (std::size_t i = 0; ready > 0 && i < count; ++i) {
      const std::size_t at = (first + i) % count;
      if (asked[at].revents == 0) continue;
      if (w.claim(wake_reason::woken)) of[at]->was_ready = true;
      break;
    }
    if (until.expired()) w.claim(wake_reason::timed_out);
  }
  census::foreign_wait_ends();
  return w.who->outcome();
}

// A fiber that ends does not say that it has won the wait; one that has lost it says so once it has let go.
// So the one that stays silent has won, if there must be one.
std::size_t settle_joins(std::span<alternative* const> all, bool one_has_won) noexcept {
  for (;;) {
    std::size_t silent = 0, last = all.size();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i] == nullptr || all[i]->ended == nullptr) continue;
      if (all[i]->ended->joiner_left.load(std::memory_order_acquire)) continue;
      ++silent;
      last = i;
    }
    if (silent <= (one_has_won ? 1u : 0u)) return last;
    spin_pause();
  }
}

}  // namespace

first_come await_one(std::span<alternative* const> all, select_wait& w, deadline until, bool joins) noexcept {
  w.all = all;
  const int bell = !w.who->is_fiber() && any_descriptor(all) ? parker::bell_of_this_thread() : -1;
  w.number = w.who->begin();
  std::size_t enlisted = 0;
  while (enlisted < all.size() && (all[enlisted] == nullptr || all[enlisted]->enlist(w))) ++enlisted;

  const bool look = enlisted < all.size() && w.claim(wake_reason::woken);
  wake_reason how = wake_reason::woken;
  if (!look) {
    std::optional<counted_join> counted;
    if (joins) counted.emplace();
    how = !w.who->is_fiber() && any_descriptor(all) ? park_in_poll(all, w, until, bell)
                                                    : park(w, until, park_reason::select);
  }

  std::size_t first = all.size();
  for (std::size_t i = 0; i < enlisted; ++i)
    if (all[i] != nullptr && all[i]->leave()) first = i;
  if (joins) {
    const bool unknown = !look && how == wake_reason::woken && first == all.size();
    const std::size_t joined = settle_joins(all.first(enlisted), unknown);
    if (unknown) first = joined;
  }
  if (look) return {first_come::end::look};
  switch (how) {
    case wake_reason::canceled: return {first_come::end::canceled};
    case wake_reason::timed_out: return {first_come::end::timed_out};
    default:
      WEFT_ASSERT(first < all.size(), "a select was woken by nothing");
      return {first_come::end::happened, first};
  }
}

// --- the alternatives

bool channel_alternative::enlist(const wait& begun) noexcept {
  entry_.number = begun.number;
  return way_ == direction::send ? at_.enlist_sender(entry_) : at_.enlist_receiver(entry_);
}

bool channel_alternative::leave() noexcept {
  if (!(entry_.who->is_fiber() && entry_.woke)) at_.leave(entry_);
  return entry_.woke;
}

bool join_alternative::enlist(const wait& begun) noexcept {
  ended = nullptr;
  entry_.number = begun.number;
  return announce_joiner(*entry_.of, entry_.of->control.load(std::memory_order_acquire), entry_,
                         /*sole=*/false);
}

bool join_alternative::leave() noexcept {
  if ((entry_.of->control.fetch_and(~fiber::joiner_mask, std::memory_order_acq_rel) & fiber::ended) != 0)
    ended = entry_.of;
  return false;
}

bool stop_alternative::enlist(const wait& begun) noexcept {
  if (token_.stop_requested()) return false;
  entry_.number = begun.number;
  callback_.emplace(token_, on_stop{this});
  return true;
}

// The destructor of the callback waits until it has returned; but not in a simulated world, whose threads are
// all one to it.
bool stop_alternative::leave() noexcept {
  callback_.reset();
  while (called_ && !returned_.load(std::memory_order_acquire)) spin_pause();
  return won_;
}

void stop_alternative::on_stop::operator()() const noexcept {
  of->called_ = true;
  parker* const who = of->entry_.who;
  if (of->entry_.claim(wake_reason::woken)) {
    of->won_ = true;
    who->resume();
  }
  of->returned_.store(true, std::memory_order_release);
}

}  // namespace weft::detail
