#include <weft/runtime/census.hpp>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include <weft/pools/slab.hpp>
#include <weft/runtime/awaited.hpp>
#include <weft/runtime/child_count.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/fiber.hpp>
#include <weft/runtime/offload_pool.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/stop_scope.hpp>
#include <weft/runtime/wait_list.hpp>

namespace weft::detail {
namespace {

constexpr std::size_t shown_max = 20;  // fibers in a report

// Whether a foreign thread has used what the fiber waits at.
bool used_from_outside(const fiber& f) noexcept {
  bool used = false;
  for_each_awaited(*f.waiting.get(), f.why.get(),
                   [&](const void* primitive) { used |= foreign_use::noted(primitive); });
  return used;
}

// Whether something outside the runtime ends such a wait.
bool waits_for_outside(const fiber& f) noexcept {
  const park_reason why = f.why.get();
  return why == park_reason::io || why == park_reason::offload || why == park_reason::signal;
}

bool held_by_outside(const fiber& f) noexcept {
  const parker* const by = holder_awaited_by(f);
  return by != nullptr &&
         (!by->is_fiber() || static_cast<const fiber*>(by)->owner.load(std::memory_order_relaxed) !=
                                 f.owner.load(std::memory_order_relaxed));
}

// Whose members a fiber waits for; null if it does not wait for children.
const stop_group* children_awaited_by(const fiber& f) noexcept {
  const park_reason why = f.why.get();
  if (why != park_reason::nursery && why != park_reason::join_set) return nullptr;
  return static_cast<const children_wait*>(f.waiting.get())->of;
}

const stop_group* parent_of(const fiber& f) noexcept {
  for (const stop_scope* s = f.scopes; s != nullptr; s = s->outer())
    if (const stop_group* const group = s->parent()) return group;
  return nullptr;
}

// What ties a fiber to the next of a circle.
const char* link_of(const fiber& f) noexcept {
  switch (f.why.get()) {
    case park_reason::join: return " joins ";
    case park_reason::once: return " waits for the call_once of ";
    case park_reason::nursery:
    case park_reason::join_set: return " waits for the child ";
    default: return " wants what is held by ";
  }
}

// Who waits for whom, as far as that is known: for who holds a mutex, who runs a call_once, whose end is
// joined, and for children.
class wait_graph {
 public:
  explicit wait_graph(const std::vector<const fiber*>& all) : all_{all} {
    for (const fiber* const f : all) {
      if (const parker* const joiner = joiner_of(*f)) joined_by_[joiner] = f;
      if (const stop_group* const group = parent_of(*f)) children_[group].push_back(f);
    }
  }

  /// The fibers of a circle of waits, or none.
  std::vector<const fiber*> circle() const {
    std::unordered_map<const fiber*, bool> on_the_way;  // of those that were seen
    for (const fiber* const first : all_) {
      if (!on_the_way.emplace(first, true).second) continue;
      std::vector<step> way{{first}};
      while (!way.empty()) {
        const fiber* const next = awaited_by(*way.back().who, way.back().looked_at++);
        if (next == nullptr) {
          on_the_way[way.back().who] = false;
          way.pop_back();
        } else if (const auto [seen, fresh] = on_the_way.emplace(next, true); fresh) {
          way.push_back({next});
        } else if (seen->second) {
          return end_of(way, next);
        }
      }
    }
    return {};
  }

 private:
  struct step {
    const fiber* who;
    std::size_t looked_at = 0;  // how many of those that it waits for
  };

  static std::vector<const fiber*> end_of(const std::vector<step>& way, const fiber* from) {
    std::vector<const fiber*> out;
    for (auto at = std::ranges::find(way, from, &step::who); at != way.end(); ++at) out.push_back(at->who);
    return out;
  }

  // The nth of those that the fiber waits for; null: it waits for fewer.
  const fiber* awaited_by(const fiber& f, std::size_t nth) const {
    if (f.waiting.get() == nullptr) return nullptr;
    if (const stop_group* const group = children_awaited_by(f)) {
      const auto found = children_.find(group);
      return found == children_.end() || nth >= found->second.size() ? nullptr : found->second[nth];
    }
    if (nth != 0) return nullptr;
    if (const parker* const by = holder_awaited_by(f))
      return by->is_fiber() ? static_cast<const fiber*>(by) : nullptr;
    const auto found = joined_by_.find(&f);
    return found == joined_by_.end() ? nullptr : found->second;
  }

  const std::vector<const fiber*>& all_;
  std::unordered_map<const parker*, const fiber*> joined_by_;
  std::unordered_map<const stop_group*, std::vector<const fiber*>> children_;
};

std::string number_of(const fiber& f) { return "fiber " + std::to_string(static_cast<std::uint64_t>(f.id)); }

}  // namespace

bool waits_at_a_primitive(park_reason why) noexcept {
  switch (why) {
    case park_reason::none:
    case park_reason::sleep:
    case park_reason::join:
    case park_reason::join_set:
    case park_reason::nursery:
    case park_reason::stop: return false;
    default: return true;
  }
}

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

void census::woken_from_outside(const fiber& f) noexcept {
  if (const wait* const w = f.waiting.get()) for_each_awaited(*w, f.why.get(), foreign_use::note);
}

void census::foreign_wait_begins(const wait& w, park_reason why) noexcept {
  for_each_awaited(w, why, foreign_use::note);
  foreign_waits.fetch_add(1, std::memory_order_relaxed);
}

void census::leave() noexcept {
  const std::lock_guard hold{lock_};
  --asleep_;
}

bool census::may_hear_from_outside() const noexcept {
  if (outside_.load(std::memory_order_relaxed) != 0 || foreign_waits.load(std::memory_order_acquire) != 0 ||
      of_.stopping())
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
        waits_for_outside(f) || held_by_outside(f) || used_from_outside(f))
      only_each_other = false;
    all.push_back(&f);
  });
  return only_each_other &&
         (std::ranges::any_of(all, [](const fiber* f) { return waits_at_a_primitive(f->why.get()); }) ||
          !wait_graph{all}.circle().empty());
}

std::string census::describe(const sleepers& all) {
  std::string text =
      "all fibers are asleep: nothing can run, and no timer or I/O is pending (a foreign thread that is to "
      "wake one says so with external_work)";
  for (std::size_t i = 0; i < std::min(all.size(), shown_max); ++i)
    text += "\n  " + description_of(*all[i]) + ", " + activity_of(*all[i]);
  if (all.size() > shown_max) text += "\n  and " + std::to_string(all.size() - shown_max) + " more";
  const sleepers circle = wait_graph{all}.circle();
  for (std::size_t i = 0; i < circle.size(); ++i) {
    const fiber& next = *circle[(i + 1) % circle.size()];
    text +=
        (i == 0 ? "\n  in a circle: " : ", ") + number_of(*circle[i]) + link_of(*circle[i]) + number_of(next);
  }
  return text;
}

}  // namespace weft::detail
