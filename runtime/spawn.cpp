#include <weft/runtime/spawn.hpp>

#include <new>

#include <weft/runtime/heed_slice.hpp>
#include <weft/runtime/scheduler.hpp>
#include <weft/runtime/trace/events.hpp>

namespace weft::detail {

namespace {

bool spawns_inside(const scheduler& of) noexcept {
  worker* const here = worker::current();
  return here != nullptr && &here->owner() == &of;
}

}  // namespace

fiber* new_fiber(scheduler& of, const spawn_options& o, std::source_location site, bool or_fail) {
  WEFT_ASSERT(!o.worker || *o.worker < of.workers().size(), "spawn_options.worker names no worker");
  const bool inside = spawns_inside(of);
  if (inside && !or_fail) heed_slice();
  if (!inside) of.announce();
  if (of.admission().limited()) {
    if (!or_fail) {
      of.admission().enter(inside);
    } else if (!of.admission().try_enter()) {
      if (!inside) of.withdraw();
      return nullptr;
    }
  }
  fiber* const f = inside ? worker::current()->allocate(o, site) : of.allocate(o, site);
  if (f == nullptr) {
    if (of.admission().limited()) of.admission().leave();
    if (!inside) of.withdraw();
    throw std::bad_alloc{};
  }
  if (trace::detail::events_on()) [[unlikely]]
    trace::detail::spawned(*f);
  return f;
}

void submit_fiber(fiber& f, const spawn_options& o) noexcept {
  scheduler& of = *f.owner.load(std::memory_order_relaxed);
  if (spawns_inside(of)) {
    worker& here = *worker::current();
    if (!f.pinned || *o.worker == here.index()) return here.start_later(f);
    here.count_spawned();
  }
  of.submit(f, o.worker.value_or(0));
}

void drop_unborn::operator()(fiber* dropped) const noexcept {
  fiber& f = *dropped;
  scheduler& of = *f.owner.load(std::memory_order_relaxed);
  f.outcome = nullptr;
  if (f.has_locals) destroy_locals(f);
  release_fiber(f);
  if (of.admission().limited()) of.admission().leave();
  if (!spawns_inside(of)) of.withdraw();
}

}  // namespace weft::detail
