#include <weft/runtime/census.hpp>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include <weft/pools/slab.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/mutex.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t shown_max = 20;  // fibers in a report

// Whether only another fiber, or a foreign thread, can end such a wait.
bool waits_at_a_primitive(const fiber& f) noexcept {
  switch (f.why.get()) {
    case park_reason::none:
    case park_reason::sleep:
    case park_reason::join:
    case park_reason::nursery:
    case park_reason::stop: return false;
    default: return true;
  }
}

// Whether something outside the runtime ends such a wait.
bool waits_for_outside(const fiber& f) noexcept {
  const park_reason why = f.why.get();
  return why == park_reason::io || why == park_reason::offload || why == park_reason::signal;
}

const parker* holder(const fiber& f) noexcept {
  if (f.why.get() != park_reason::mutex) return nullptr;
  return static_cast<const mutex_wait*>(f.waiting.get())->of->owner();
}

bool held_by_outside(const fiber& f) noexcept {
  const parker* const by = holder(f);
  return by != nullptr &&
         (!by->is_fiber() || static_cast<const fiber*>(by)->owner.load(std::memory_order_relaxed) !=
                                 f.owner.load(std::memory_order_relaxed));
}

const parker* joiner_of(const fiber& f) noexcept {
  const std::uint64_t joiner = f.control.load(std::memory_order_acquire) & fiber::joiner_mask;
  return reinterpret_cast<const parker*>(joiner & ~fiber::joiner_sole);
}

// Who waits for whom, as far as that is known: the holders of mutexes, and the ends of fibers.
class wait_graph {
 public:
  explicit wait_graph(const std::vector<const fiber*>& all) : all_{all} {
    for (const fiber* const f : all)
      if (const parker* const joiner = joiner_of(*f)) joined_by_[joiner] = f;
  }

  /// The fibers of a circle of waits, or none.
  std::vector<const fiber*> circle() const {
    std::unordered_map<const fiber*, const fiber*> seen_from;  // a fiber, and where the way to it began
    for (const fiber* const first : all_) {
      std::vector<const fiber*> way;
      for (const fiber* at = first; at != nullptr; at = awaited_by(*at)) {
        const auto [seen, fresh] = seen_from.emplace(at, first);
        if (fresh) way.push_back(at);
        else if (seen->second == first) return {std::ranges::find(way, at), way.end()};
        else break;
      }
    }
    return {};
  }

 private:
  const fiber* awaited_by(const fiber& f) const {
    if (f.waiting.get() == nullptr) return nullptr;
    if (f.why.get() == park_reason::mutex) return static_cast<const fiber*>(holder(f));
    const auto found = joined_by_.find(&f);
    return found == joined_by_.end() ? nullptr : found->second;
  }

  const std::vector<const fiber*>& all_;
  std::unordered_map<const parker*, const fiber*> joined_by_;
};

std::string number_of(const fiber& f) { return "fiber " + std::to_string(static_cast<std::uint64_t>(f.id)); }

}  // namespace

constinit atomic<std::uint32_t> census::foreign_waits{0};

bool census::enter() noexcept {
  std::string found;
  {
    const std::lock_guard hold{lock_};
    if (++asleep_ < of_.workers().size()) return false;
    sleepers all;
    if (!on() || !collect(all)) return on();
    found = describe(all);
    on_.store(false, std::memory_order_relaxed);
  }
  of_.report(found);
  return false;
}

void census::leave() noexcept {
  const std::lock_guard hold{lock_};
  --asleep_;
}

bool census::may_hear_from_outside() const noexcept {
  if (outside_.load(std::memory_order_relaxed) != 0 || foreign_waits.load(std::memory_order_relaxed) != 0 ||
      woken_from_outside_.load(std::memory_order_relaxed) || of_.stopping())
    return true;
  const offload_stats jobs = of_.offload().stats();
  if (jobs.submitted != jobs.completed + jobs.withdrawn) return true;
  // Who is woken by somebody who is not counted goes home as a message.
  return !std::ranges::all_of(of_.workers(), [](const auto& w) { return w->messages().sleeps(); });
}

// All fibers of this runtime that wait. False: not all do, or not only for each other.
bool census::collect(sleepers& all) const {
  if (may_hear_from_outside()) return false;
  bool only_each_other = true;
  process_slabs<sizeof(fiber)>().for_each([&](void* block) {
    const fiber& f = *static_cast<const fiber*>(block);
    const fiber_state state = f.state.load(std::memory_order_acquire);
    if (f.owner.load(std::memory_order_relaxed) != &of_) return;
    if (state == fiber_state::unstarted) only_each_other = false;
    if (state != fiber_state::started) return;
    if (f.waiting.get() == nullptr || static_cast<const parker&>(f).outcome() != wake_reason::pending ||
        waits_for_outside(f) || held_by_outside(f))
      only_each_other = false;
    all.push_back(&f);
  });
  return only_each_other &&
         (std::ranges::any_of(all, [](const fiber* f) { return waits_at_a_primitive(*f); }) ||
          !wait_graph{all}.circle().empty());
}

std::string census::describe(const sleepers& all) {
  std::string text =
      "all fibers are asleep: nothing can run, and no timer or I/O is pending (a foreign thread that is to "
      "wake "
      "one says so with external_work)";
  for (std::size_t i = 0; i < std::min(all.size(), shown_max); ++i)
    text += "\n  " + description_of(*all[i]) + ", " + activity_of(*all[i]);
  if (all.size() > shown_max) text += "\n  and " + std::to_string(all.size() - shown_max) + " more";
  const sleepers circle = wait_graph{all}.circle();
  for (std::size_t i = 0; i < circle.size(); ++i) {
    const fiber& next = *circle[(i + 1) % circle.size()];
    text += (i == 0 ? "\n  in a circle: " : ", ") + number_of(*circle[i]) +
            (circle[i]->why.get() == park_reason::join ? " joins " : " wants what is held by ") +
            number_of(next);
  }
  return text;
}

}  // namespace weft::detail
