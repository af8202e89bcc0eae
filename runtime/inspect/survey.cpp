#include <weft/runtime/inspect/survey.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <unordered_map>
#include <utility>

#include <weft/pools/slab.hpp>
#include <weft/runtime/awaited.hpp>
#include <weft/runtime/base/clock.hpp>
#include <weft/runtime/describe.hpp>
#include <weft/runtime/fiber_record.hpp>
#include <weft/runtime/inspect/stack_residency.hpp>
#include <weft/runtime/inspect/unwind.hpp>
#include <weft/runtime/scheduler.hpp>

namespace weft::detail {
namespace {

constexpr std::int64_t slice_ns = 1'000'000;  // how long a worker looks before it runs fibers again
constexpr std::size_t frames_max = 64;        // of a backtrace
constexpr std::chrono::milliseconds patience_min{1};

bool is_parked(const fiber& f) noexcept {
  return f.waiting.get() != nullptr && static_cast<const parker&>(f).outcome() == wake_reason::pending;
}

void tell_times(const fiber_times& t, std::int64_t now, fiber_info& out) noexcept {
  out.run_time = std::chrono::nanoseconds{t.ran};
  out.age = std::chrono::nanoseconds{now - t.began};
}

void describe_wait(const fiber& f, fiber_info& out) {
  const park_reason why = f.why.get();
  for_each_awaited(*f.waiting.get(), why, [&](const void* at) {
    if (out.waits_at == nullptr) out.waits_at = at;
  });
}

}  // namespace

survey::survey(const inspect_options& o) : options_{o} {
  for (const runtimes_in_view::entry& e : view_.all())
    for (const auto& w : e.of->workers()) {
      station& s = *stations_.emplace_back(std::make_unique<station>());
      s.of = this;
      s.at = w.get();
      s.runtime = e.number;
      s.visitor::visit = visit;
    }
  collect();
  // All memory is there: from here on nothing throws until await().
  open_.store(stations_.size() + 1, std::memory_order_relaxed);
  for (const auto& s : stations_) s->at->visits().come(*s);
}

survey::~survey() = default;

// One walk over all control blocks: which are whose. What is not mentioned below is free, has ended, or
// belongs to a runtime that is about to go.
void survey::collect() {
  std::unordered_map<const worker*, station*> stations;
  std::unordered_map<const scheduler*, std::uint32_t> numbers;
  for (const auto& s : stations_) stations.emplace(s->at, s.get());
  for (const runtimes_in_view::entry& e : view_.all()) numbers.emplace(e.of, e.number);
  process_slabs<sizeof(fiber)>().for_each([&](void* block) {
    const fiber& f = *static_cast<const fiber*>(block);
    const fiber_state state = f.state.load(std::memory_order_acquire);
    if (state == fiber_state::unstarted) {
      const auto of = numbers.find(f.owner.load(std::memory_order_relaxed));
      finding found;
      if (of == numbers.end() || !look_from_outside(f, found)) return;
      found.info.runtime = of->second;
      unstarted_.push_back(std::move(found));
    } else if (state == fiber_state::started) {
      const auto at = stations.find(f.home.load(std::memory_order_relaxed));
      if (at != stations.end()) at->second->fibers.push_back(&f);
    }
  });
  for (const auto& s : stations_) s->found.reserve(s->fibers.size());
}

bool survey::look_from_outside(const fiber& f, finding& out) {
  fiber_record r;
  if (!read_record(f, r)) return false;
  fiber_info& info = out.info;
  info.id = r.id;
  info.name = r.name.data();
  info.site = r.site;
  info.priority = static_cast<priority>(r.level);
  info.stack = r.stack_size;
  const std::uint64_t control = f.control.load(std::memory_order_relaxed);
  info.stop_requested = (control & fiber::stop_requested) != 0;
  out.self = &f;
  out.joiner = joiner_of(f);
  if (r.state == fiber_state::unstarted) {
    info.phase = fiber_phase::unstarted;
  } else if (is_parked(f)) {
    info.phase = fiber_phase::parked;
    info.waits_for = what_is_awaited(f.why.get());
  } else {
    info.phase = fiber_phase::ready;
  }
  return true;
}

// On the home worker, between batches: none of its fibers runs.
bool survey::look_from_inside(const fiber& f, const station& at, finding& out) const {
  if (f.home.load(std::memory_order_relaxed) != at.at ||
      f.state.load(std::memory_order_relaxed) != fiber_state::started || !look_from_outside(f, out))
    return false;
  if (out.info.phase == fiber_phase::parked) {
    describe_wait(f, out.info);
    out.holder = holder_awaited_by(f);
  }
  if (at.at->clock() != nullptr) tell_times(run_clock::times_of(f), steady_ns(), out.info);
  if (options_.stack_sizes) out.info.stack_resident = resident_bytes(f.stack, f.stack_size);
  if (options_.backtraces) {
    std::array<std::uintptr_t, frames_max> frames;
    const std::size_t count = backtrace_of(f.where, frames);
    out.info.backtrace.assign(frames.begin(), frames.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return true;
}

void survey::visit(visitor& v, worker& host) noexcept {
  auto& self = static_cast<station&>(v);
  const std::int64_t until = steady_ns() + slice_ns;
  try {
    for (std::size_t next = self.looked_at.get(); next < self.fibers.size();) {
      finding found;
      if (self.of->look_from_inside(*self.fibers[next], self, found)) self.found.push_back(std::move(found));
      self.looked_at.set(++next);
      if (next < self.fibers.size() && steady_ns() >= until) return host.visits().come(self);
    }
  } catch (const std::bad_alloc&) {  // root: the rest is told as if the worker had not answered
    self.short_of_memory = true;
  }
  self.of->one_is_done();
}

void survey::one_is_done() noexcept {
  if (open_.fetch_sub(1, std::memory_order_acq_rel) == 1) all_done_.set();
}

void survey::await() {
  one_is_done();
  const auto patience = std::max<std::chrono::nanoseconds>(options_.patience, patience_min);
  while (!all_done_.wait(deadline{patience})) give_up_idle();
}

// Those who have not come on since the last time.
void survey::give_up_idle() {
  for (const auto& s : stations_) {
    if (s->given_up) continue;
    const std::size_t now = s->looked_at.get();
    if (now != std::exchange(s->seen, now) || !s->at->visits().withdraw(*s)) continue;
    s->given_up = true;
    one_is_done();
  }
}

fiber_list survey::take(fiber_id asker) {
  fiber_list out;
  std::vector<finding> all = std::move(unstarted_);
  out.workers.reserve(stations_.size());
  for (const auto& s : stations_) {
    const std::size_t before = all.size();
    const fiber* const hog = s->given_up ? s->at->running() : nullptr;
    all.insert(all.end(), std::move_iterator{s->found.begin()}, std::move_iterator{s->found.end()});
    for (std::size_t i = s->looked_at.get(); i < s->fibers.size(); ++i) {
      finding found;
      if (!look_from_outside(*s->fibers[i], found)) continue;
      if (s->fibers[i] == hog) {
        found.info.phase = fiber_phase::running;
        const std::int64_t now = steady_ns();
        if (const run_clock* const c = s->at->clock()) tell_times(c->running(now), now, found.info);
      }
      all.push_back(std::move(found));
    }
    for (std::size_t i = before; i < all.size(); ++i) {
      all[i].info.runtime = s->runtime;
      all[i].info.worker = s->at->index();
    }
    out.workers.push_back({.runtime = s->runtime,
                           .index = s->at->index(),
                           .answered = !s->given_up,
                           .running = hog != nullptr ? read_id(*hog) : fiber_id{},
                           .fibers = all.size() - before});
  }
  std::unordered_map<const parker*, fiber_id> ends_awaited, holders;
  for (const finding& f : all) {
    if (f.joiner != nullptr) ends_awaited.emplace(f.joiner, f.info.id);
    if (f.holder != nullptr) holders.emplace(f.holder, fiber_id{});
  }
  if (!holders.empty())
    for (const finding& f : all)
      if (const auto holds = holders.find(f.self); holds != holders.end()) holds->second = f.info.id;
  out.fibers.reserve(all.size());
  for (finding& f : all) {
    if (f.holder != nullptr) f.info.awaits = holders.at(f.holder);
    if (const auto joined = ends_awaited.find(f.self);
        joined != ends_awaited.end() && f.info.phase == fiber_phase::parked && f.info.awaits == fiber_id{})
      f.info.awaits = joined->second;
    if (asker != fiber_id{} && f.info.id == asker) {
      f.info.phase = fiber_phase::running;
      f.info.waits_for = {};
      f.info.waits_at = nullptr;
    }
    out.fibers.push_back(std::move(f.info));
  }
  std::ranges::sort(out.fibers, {}, &fiber_info::id);
  return out;
}

}  // namespace weft::detail
